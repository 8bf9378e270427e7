"""${message}

Two neighbouring versions of the service run on one database while it is upgraded, so a migration
- expands: adds tables, columns with a default on the server, indexes. Versions before it go on, and give each row
  that they write that default, also where it succeeds one of a later version; `oldest_reader` is None; or
- contracts: takes away what no version of the last release uses. `oldest_reader` is the schema of that release,
  and services that were made for an older one are refused, also while they run;
never both. Rows of facts are history: none is rewritten or deleted. Locks are short: checks go on meanwhile, and
each reads the head row.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
${imports if imports else ""}
revision = ${repr(up_revision)}
down_revision = ${repr(down_revision)}
branch_labels = ${repr(branch_labels)}
depends_on = ${repr(depends_on)}
oldest_reader: str | None = None


def upgrade() -> None:
    ${upgrades if upgrades else "pass"}
