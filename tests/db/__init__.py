"""The promises of the database layer."""
