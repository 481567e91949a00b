"""The command line `fubble`: demo, serve, migrate, schema, keys, usage."""

from fubble_gql.cli.root import app, main

__all__ = ["app", "main"]
