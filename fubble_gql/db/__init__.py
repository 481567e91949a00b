"""The database: connections, exact columns, pages, migrations."""
