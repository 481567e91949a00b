"""The ceiling of reads: Starlette and asyncpg, one statement that makes the whole answer, no GraphQL.

It asks for no key and checks nothing, and PostgreSQL writes the very bytes that the client gets.
"""

from __future__ import annotations

import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import asyncpg
import orjson
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from fubble_gql.api import ids
from tests.bench import read_sql

URL_VARIABLE = "FUBBLE_BENCH_RAW_URL"
STATEMENTS = {
    "nested-correlated": read_sql.NESTED_CORRELATED,
    "nested-set-based": read_sql.NESTED_SET_BASED,
    "flat": read_sql.FLAT,
    "one": read_sql.ONE,
}


async def page(request: Request) -> Response:
    """What the body's one variable asks for."""
    (value,) = orjson.loads(await request.body())["variables"].values()
    statement = STATEMENTS[request.path_params["statement"]]
    asked = ids.decode("Customer", value) if isinstance(value, str) else value
    content = await request.app.state.pool.fetchval(statement, asked)
    return Response(content, media_type="application/json")


@asynccontextmanager
async def lifespan(app: Starlette) -> AsyncIterator[None]:
    """A pool as large as that of the application."""
    async with asyncpg.create_pool(os.environ[URL_VARIABLE], min_size=2, max_size=10) as pool:
        app.state.pool = pool
        yield


app = Starlette(routes=[Route("/{statement}", page, methods=["POST"])], lifespan=lifespan)
