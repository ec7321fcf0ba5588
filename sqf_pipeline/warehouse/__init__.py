"""PostgreSQL: table definitions, writing, reading, and the embedded server."""
