"""The schema (`tables`), its migrations (Alembic) and the stored routines of MariaDB."""
