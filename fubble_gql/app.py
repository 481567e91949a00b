"""The application: routes, lifespan, context. The only place where the parts meet."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Coroutine, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

from graphql import GraphQLError
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.middleware.cors import CORSMiddleware
from starlette.requests import HTTPConnection, Request
from starlette.routing import BaseRoute, Route, WebSocketRoute

from fubble_gql import logs
from fubble_gql.access.portal import Portal
from fubble_gql.api.admission import Admission, Limits
from fubble_gql.api.auth import presume, reading_as, recognise
from fubble_gql.api.context import Clock, Context, Viewer
from fubble_gql.api.documents import PATH as PDF_PATH
from fubble_gql.api.documents import invoice_pdf
from fubble_gql.api.errors import with_code
from fubble_gql.api.http import GraphQLEndpoint, crash_response
from fubble_gql.api.ide import Tab, graphiql_page, graphiql_routes
from fubble_gql.api.limits import DocumentLimits
from fubble_gql.api.operations import watched
from fubble_gql.api.probes import Readiness, probe_routes, tell_of_signals
from fubble_gql.api.schema import build_schema
from fubble_gql.api.socket import Callers, SocketEndpoint, SocketLimits
from fubble_gql.api.streams import Live
from fubble_gql.billing.seller import Seller
from fubble_gql.config import Settings, load_settings
from fubble_gql.db.changes import open_changes
from fubble_gql.db.migrate import migrate
from fubble_gql.db.setup import Patience, open_database
from fubble_gql.garbage import look_for_garbage_rarely

PATH = "/graphql"


def utc_now() -> datetime:
    """The clock of a running server."""
    return datetime.now(UTC)


def create_app(
    settings: Settings,
    now: Clock = utc_now,
    *,
    demo_key: str | None = None,
    tabs: Sequence[Tab] = (),
    pages: Sequence[BaseRoute] = (),
    socket_limits: SocketLimits | None = None,
) -> Starlette:
    """The ASGI application. It migrates its database when it starts.

    GraphiQL opens with `tabs`, and with `demo_key` in their headers; `pages` come before its own:
    all of it only for a demo that listens on loopback. `socket_limits` come from the settings unless
    given.
    """
    seller = seller_of(settings)
    portal = portal_of(settings)
    run_budget = timedelta(seconds=settings.billing_run_seconds)

    async def viewer_of(http: HTTPConnection, authorization: str) -> Viewer | None:
        return await recognise(http.app.state.connection, authorization, portal, now())

    def context_of(http: HTTPConnection, viewer: Viewer | None) -> Context:
        connection = reading_as(http.app.state.connection, viewer)
        feed = http.app.state.feed
        return Context(connection, now, viewer, seller, run_budget, portal, feed)

    def answering(request: Request, viewer: Viewer | None) -> Context:
        context = context_of(request, viewer)
        context.takes_json = True
        return context

    async def open_context(request: Request) -> Context:
        authorization = request.headers.get("authorization", "")
        return answering(request, await viewer_of(request, authorization))

    admission = Admission(
        Limits(settings.requests_max, settings.inflight_bytes_max, settings.body_seconds)
    )
    limits = document_limits_of(settings)
    schema = build_schema(limits, compiles_reads=settings.compiled_reads)
    endpoint = GraphQLEndpoint(
        schema,
        open_context,
        partial(_presumed, answering),
        body_bytes_max=settings.request_bytes_max,
        ingest_bytes_max=settings.ingest_bytes_max,
        page=graphiql_page(path=PATH, tabs=tabs, key=demo_key) if settings.graphiql else None,
        introspection=settings.introspection,
        suggestions=settings.introspection,
        document_tokens_max=limits.tokens,
        operation_seconds=settings.operation_seconds,
        admission=admission,
        map_error=_mapped,
    )
    if socket_limits is None:
        socket_limits = SocketLimits(settings.sockets_max, settings.subscriptions_max)
    callers = Callers(viewer_of, context_of, now)
    origins = settings.cors_origins.split(",") if settings.cors_origins else []
    socket = SocketEndpoint(schema, endpoint, callers, socket_limits, origins)
    pdf = watched("invoicePdf", admission.around(invoice_pdf(open_context)))
    readiness = Readiness()
    patience = Patience(settings.database_wait_seconds, settings.statement_seconds)

    @asynccontextmanager
    async def lifespan(app: Starlette) -> AsyncIterator[None]:
        await migrate(settings.database_url)
        url = settings.database_url
        async with (
            open_database(url, settings.database_pool_size, patience) as app.state.connection,
            open_changes(url, app.state.connection) as changes,
        ):
            app.state.feed = Live(changes, socket_limits.pause)
            readiness.connection = app.state.connection
            yield

    ide = graphiql_routes(PATH) if settings.graphiql else []
    probes = probe_routes(readiness, metrics=settings.metrics, token=settings.metrics_token)
    graph = [Route(PATH, endpoint), WebSocketRoute(PATH, socket)]
    app = Starlette(
        routes=[*graph, Route(PDF_PATH, pdf), *probes, *pages, *ide],
        middleware=cross_origin(settings.cors_origins),
        exception_handlers={Exception: crash_response},
        lifespan=lifespan,
    )
    app.state.readiness = readiness
    return app


def _presumed(
    context_of: Callable[[Request, Viewer], Context], request: Request
) -> tuple[Context, Coroutine[Any, Any, bool]] | None:
    """A context for a caller who was known before, and whether that holds still."""
    authorization = request.headers.get("authorization", "")
    presumed = presume(request.app.state.connection, authorization)
    if presumed is None:
        return None
    viewer, still_works = presumed
    return context_of(request, viewer), still_works


def cross_origin(origins: str | None) -> list[Middleware]:
    """Lets pages of these sites call us with a key of theirs; there are no cookies to go along."""
    if origins is None:
        return []
    allowed = Middleware(
        CORSMiddleware,
        allow_origins=origins.split(","),
        allow_methods=["GET", "POST"],
        allow_headers=["Authorization", "Content-Type", "X-Request-Id"],
        expose_headers=["X-Request-Id", "Retry-After"],
    )
    return [allowed]


def document_limits_of(settings: Settings) -> DocumentLimits:
    """What a document may ask for."""
    return DocumentLimits(
        tokens=settings.document_tokens_max,
        operations=settings.document_operations_max,
        root_fields=settings.document_root_fields_max,
        fields=settings.document_fields_max,
        depth=settings.document_depth_max,
        aliases=settings.document_aliases_max,
        directives=settings.document_directives_max,
        cost=settings.document_cost_max,
    )


def seller_of(settings: Settings) -> Seller:
    """Who issues the invoices."""
    return Seller(
        settings.seller_name,
        settings.seller_address,
        settings.seller_tax_id,
        settings.payment_terms_days,
    )


def portal_of(settings: Settings) -> Portal:
    """What portal tokens are signed with, and where the portal is served."""
    key = settings.secret_key
    return Portal(key.get_secret_value() if key else None, settings.portal_url)


def serve() -> Starlette:
    """The application with the environment's settings, for uvicorn's workers."""
    settings = load_settings()
    logs.use_json_lines(settings.log_level)
    app = create_app(settings)
    tell_of_signals(app.state.readiness.stop)
    look_for_garbage_rarely()
    return app


def _mapped(error: GraphQLError) -> GraphQLError:
    return with_code(error) or error
