"""The control plane: use cases on real stores, SQLite and PostgreSQL, and once over a socket."""
