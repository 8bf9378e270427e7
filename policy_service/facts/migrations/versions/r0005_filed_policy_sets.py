"""Policy sets that are on file, whether they are published or not.

The table `policy_sets` goes on holding what is published, and that alone: the version before this one, which
may run beside it while the service is upgraded, takes its one open row for the published set. A set that such
a version has published is put on file when another takes its place.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "r0005"
down_revision = "r0004"
branch_labels = None
depends_on = None

TEXT = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")
NUMBER = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
TABLE = "filed_policy_sets"


def upgrade() -> None:
    texts = ("controller", "policy_set_id", "documents", "base_types", "messages", "attributes")
    op.create_table(
        TABLE,
        sa.Column("row_id", NUMBER, nullable=False),
        sa.Column("revision_from", NUMBER, nullable=False),
        sa.Column("revision_to", NUMBER, nullable=False),
        *(sa.Column(name, TEXT, nullable=False) for name in texts),
        sa.PrimaryKeyConstraint("row_id", name=f"pk_{TABLE}"),
    )
    op.create_index(
        f"ix_{TABLE}_policy_set_id_revision_to", TABLE, ["policy_set_id", "revision_to"], unique=True
    )
    op.create_index(f"ix_{TABLE}_controller_policy_set_id", TABLE, ["controller", "policy_set_id"])
