"""Which statements run, and by which plans: what tests of constant cost look at."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import contextmanager

from fubble_gql.db.connection import Connection, Record
from fubble_gql.db.sql import Sql, sql


@contextmanager
def collected_statements() -> Iterator[list[str]]:
    """The statements that run inside the block."""
    texts: list[str] = []

    class Collector(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            texts.append(record.getMessage())

    logger, collector = logging.getLogger("fubble_gql.sql"), Collector()
    level = logger.level
    logger.addHandler(collector)
    logger.setLevel(logging.DEBUG)
    try:
        yield texts
    finally:
        logger.removeHandler(collector)
        logger.setLevel(level)


async def plan_of(db: Connection, read: Callable[[Connection], Awaitable[object]]) -> str:
    """How the database finds what is read, where it does not think that a table is so small.

    No statement finds anything.
    """
    lines: list[str] = []

    class Explaining(Connection):
        """Explains instead of fetching."""

        async def fetch(self, statement: Sql) -> Sequence[Record]:
            explain = "explain" if self.dialect == "postgres" else "explain query plan"
            records = await super().fetch(sql(f"{explain} {statement.text}", *statement.args))
            lines.extend(str(list(record)[-1]) for record in records)
            return []

    async def explain(tx: Connection) -> None:
        if tx.dialect == "postgres":
            await tx.fetch(sql("set local enable_seqscan = off"))
        await read(Explaining(tx.client))

    await db.transaction(explain)
    return "\n".join(lines)
