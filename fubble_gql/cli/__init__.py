"""The command line `fubble`: demo, serve, migrate, schema, keys, usage."""

from __future__ import annotations

from fubble_gql.garbage import look_for_garbage_rarely


def main() -> None:
    """The entry point of `fubble`.

    A worker that another process starts imports this module and calls nothing: it loads no commands.
    """
    look_for_garbage_rarely()
    from fubble_gql.cli.root import app  # noqa: PLC0415 - quicker, now that this was said

    app(prog_name="fubble")
