"""An organisation's own contact points of one value, or of one UPRN, found without a look at any other's.

It only adds: the earlier version, which runs beside this one while it is upgraded, looks as it did. What it
writes then it announces under no key of these look-ups, which control alone makes, and for a bound alone.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "r0011"
down_revision = "r0010"
branch_labels = None
depends_on = None
oldest_reader: str | None = None

KNOWN = sa.text("uprn <> ''")


def upgrade() -> None:
    op.create_index(
        "ix_contact_points_controller_fingerprint_revision_to",
        "contact_points",
        ["controller", "fingerprint", "revision_to"],
    )
    op.create_index(
        "ix_contact_points_controller_uprn_revision_to",
        "contact_points",
        ["controller", "uprn", "revision_to"],
        sqlite_where=KNOWN,
        postgresql_where=KNOWN,
    )
