"""${message}

Two neighbouring versions of the service run on one database while it is upgraded, so a migration expands (adds) or contracts (removes
what no version of the last release uses), never both. Rows of facts are history: none is rewritten.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
${imports if imports else ""}
revision = ${repr(up_revision)}
down_revision = ${repr(down_revision)}
branch_labels = ${repr(branch_labels)}
depends_on = ${repr(depends_on)}


def upgrade() -> None:
    ${upgrades if upgrades else "pass"}
