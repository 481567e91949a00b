"""The ceiling: Starlette and asyncpg, one statement that makes the whole answer, no GraphQL.

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

from tests.bench.raw_sql import CORRELATED, SET_BASED

URL_VARIABLE = "FUBBLE_BENCH_RAW_URL"
STATEMENTS = {"correlated": CORRELATED, "set-based": SET_BASED}


async def page(request: Request) -> Response:
    """The page of as many customers as the body says."""
    asked = orjson.loads(await request.body())
    statement = STATEMENTS[request.path_params["statement"]]
    content = await request.app.state.pool.fetchval(statement, asked["variables"]["first"])
    return Response(content, media_type="application/json")


@asynccontextmanager
async def lifespan(app: Starlette) -> AsyncIterator[None]:
    """A pool as large as that of the application."""
    async with asyncpg.create_pool(os.environ[URL_VARIABLE], min_size=2, max_size=10) as pool:
        app.state.pool = pool
        yield


app = Starlette(routes=[Route("/{statement}", page, methods=["POST"])], lifespan=lifespan)
