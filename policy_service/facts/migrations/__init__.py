"""Alembic's migrations of the facts' database, configured in code (`facts.schema`)."""
