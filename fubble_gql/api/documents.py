"""Invoices as PDF, over HTTP with the caller's own authorisation."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from uuid import UUID

import orjson
from starlette.requests import Request
from starlette.responses import Response

from fubble_gql.api import ids, operations
from fubble_gql.api.context import Context
from fubble_gql.api.errors import UNAVAILABLE
from fubble_gql.db.refs import Ref
from fubble_gql.documents.issued import issued, pdf_of
from fubble_gql.errors import Code, Problem, Refused, Unavailable, refuse

PATH = "/invoices/{name}.pdf"
OpenContext = Callable[[Request], Awaitable[Context]]

_STATUS = {
    Code.UNAUTHENTICATED: 401,
    Code.NOT_FOUND: 404,
    Code.INVALID_STATE: 409,
    Code.SERVICE_UNAVAILABLE: 503,
}


def invoice_pdf(open_context: OpenContext) -> Callable[[Request], Awaitable[Response]]:
    """The endpoint behind `Invoice.pdfUrl`."""

    async def respond(request: Request) -> Response:
        try:
            return await _answer(request, await open_context(request))
        except Refused as refused:
            return _refusal(refused.problems[0])
        except Unavailable:
            return _refusal(UNAVAILABLE)

    return respond


async def _answer(request: Request, context: Context) -> Response:
    if context.viewer is None:
        raise refuse(
            Code.UNAUTHENTICATED, "Send a valid key or portal token as Authorization: Bearer …"
        )
    operations.asked_by(context.viewer.role)
    ref = Ref(id=_id(request.path_params["name"]))  # what is no id is not there either
    row = await issued(context.connection, ref)
    pdf = await pdf_of(context.connection, ref, context.seller, context.now)
    return Response(
        pdf,
        media_type="application/pdf",
        headers={
            "Content-Disposition": f'inline; filename="{row.number}.pdf"',
            "Cache-Control": "private, no-store",
            "X-Content-Type-Options": "nosniff",
        },
    )


def _id(name: str) -> UUID:
    try:
        return ids.decode("Invoice", name)
    except Refused:
        return ids.NOBODY


def _refusal(problem: Problem) -> Response:
    operations.met(problem.code.value)
    content = {"code": problem.code.value, "message": problem.message}
    return Response(
        orjson.dumps(content),
        status_code=_STATUS.get(problem.code, 422),
        media_type="application/json",
        headers={"WWW-Authenticate": "Bearer"} if problem.code is Code.UNAUTHENTICATED else None,
    )
