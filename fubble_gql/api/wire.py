"""What travels over HTTP: requests, read strictly, and the one shape of errors.

Whatever a client sends becomes either a `Call` or a `Refusal` that says what to do.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal, InvalidOperation
from functools import lru_cache
from typing import Any, NoReturn
from urllib.parse import parse_qsl

import orjson
from graphql import GraphQLError
from starlette.requests import Request
from starlette.responses import Response

from fubble_gql.checks import is_storable

JSON = "application/json"
GRAPHQL = "application/graphql-response+json"

# How JSON spells NUL and half of a surrogate pair, which no database stores and no answer shows. A hit may be a whole pair (an emoji), so it only makes the walk necessary.
_SUSPICIOUS = re.compile(rb"\\u(0000|[dD][89a-fA-F])")
CANNOT_STORE = (
    "Text may not hold the character NUL (\\u0000) or half of a surrogate pair (\\ud800 to \\udfff);"
    " remove it."
)
MESSAGE_CHARACTERS_MAX = 500
RETRY_SECONDS = 1
_SUGGESTION = re.compile(r" Did you mean [^?]*\?")
_BAD_VARIABLE = re.compile(
    r"Variable '\$(\w+)' has invalid value(?: at ([^:\s]+))?: (.*)", re.DOTALL
)
_CRASH = re.compile(r", but encountered error .*", re.DOTALL)
_PLACE = re.compile(r"\w+")
_WEIGHT = re.compile(r"q=(0(?:\.\d{0,3})?|1(?:\.0{0,3})?)", re.ASCII)


@dataclass(eq=False)
class Refusal(Exception):
    """An answer without execution: an HTTP status, a stable code and what to do about it."""

    status: int
    code: str
    message: str
    path: tuple[str | int, ...] = ()
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Call:
    """What a client asks for: a document, its variables, and which of its operations to run."""

    query: str
    variables: dict[str, Any] | None
    operation_name: str | None
    extensions: dict[str, Any] | None


# Mutations that take thousands of keys at once.
_LONG = (b"recordUsage", b"voidUsageEvents")


def read_call(request: Request, body: bytearray, bytes_max: int) -> Call:
    """The call in a POST's body or in a GET's parameters; raises `Refusal`.

    Only a body that records or voids usage may be longer than `bytes_max`.
    """
    if request.method == "GET":
        return _call_of(_parameters(request.url.query))
    if len(body) > bytes_max and not any(name in body for name in _LONG):
        raise too_large(bytes_max)
    message = _loads(body, "The body")
    if isinstance(message, list):
        raise Refusal(400, "INVALID", "Batches are not offered: send one object for each request.")
    if not isinstance(message, dict):
        raise Refusal(400, "INVALID", 'The body must be an object like {"query": "…"}.')
    if _SUSPICIOUS.search(body):
        require_storable(message)
    return _call_of(message)


def read_message(text: str) -> object:
    """The JSON value of a message on a socket, its numbers exact; raises `Refusal`."""
    return _loads(text, "The message")


def read_payload(message: dict[str, Any]) -> Call:
    """The call in the payload of a message on a socket; raises `Refusal`."""
    require_storable(message)
    return _call_of(message)


def require_storable(value: object, *path: str | int) -> None:
    """Refuse NUL and lone surrogates in any text and any key of a JSON value, naming the place."""
    place = _unstorable(value, path)
    if place is not None:
        raise Refusal(400, "INVALID", CANNOT_STORE, place)


def shown(
    error: GraphQLError, code: str, request_id: str, variables: Mapping[str, Any] | None = None
) -> dict[str, Any]:
    """An error as clients see it; one about a variable names the field in `extensions.path`."""
    extensions: dict[str, Any] = {**(error.extensions or {}), "code": code}
    message = error.message
    if error.path is None and (bad := _BAD_VARIABLE.fullmatch(message)):
        path = ["variables", bad[1], *_PLACE.findall(bad[2] or "")]
        message = _about_variable(bad[3], _value_at(variables, path[1:]))
        extensions.setdefault("path", path)
    message = _with_subject(message, extensions.get("path") or ())
    message = _CRASH.sub(".", message)  # the text of an exception, which a scalar let through
    if len(message) > MESSAGE_CHARACTERS_MAX:
        message = f"{message[:MESSAGE_CHARACTERS_MAX]}…"
    answer: dict[str, Any] = {"message": message}
    if error.locations:
        answer["locations"] = [location.formatted for location in error.locations]
    if error.path is not None:
        answer["path"] = error.path
    answer["extensions"] = {**extensions, "requestId": request_id}
    return answer


def _with_subject(message: str, path: Sequence[str]) -> str:
    """What a scalar says that a value must be, with the name of the field that it is about."""
    name = next((place for place in reversed(path) if not place.isdigit()), None)
    return f"{name} {message}" if name and message.startswith("must ") else message


def without_suggestion(message: str) -> str:
    """A message of graphql-core's without the names that it proposes."""
    return _SUGGESTION.sub("", message)


def json_response(body: Mapping[str, Any], media_type: str = JSON, status: int = 200) -> Response:
    """A JSON answer, which depends on what the client accepts and is never kept by caches."""
    headers = {
        "Content-Type": f"{media_type}; charset=utf-8",
        "Cache-Control": "no-store",
        "Vary": "Accept",
        "X-Content-Type-Options": "nosniff",
    }
    return Response(dump(body), status, headers)


def dump(body: Mapping[str, Any]) -> bytes:
    """JSON in UTF-8."""
    try:
        return orjson.dumps(body)
    except TypeError:  # an integer beyond 64 bits, in some client's own JSON
        return json.dumps(body, allow_nan=False).encode()


def refusal_response(refusal: Refusal, request: Request, request_id: str) -> Response:
    """A refusal in the shape of every other error."""
    extensions: dict[str, Any] = {"code": refusal.code, "requestId": request_id}
    if refusal.path:
        extensions["path"] = list(refusal.path)
    body = {"errors": [{"message": refusal.message, "extensions": extensions}]}
    graphql = weight(request.headers.get("accept", ""), GRAPHQL) > 0
    response = json_response(body, GRAPHQL if graphql else JSON, refusal.status)
    response.headers.update(refusal.headers)
    if refusal.status == 503:
        response.headers["Retry-After"] = str(RETRY_SECONDS)
    return response


def weight(accept: str, *media_ranges: str) -> int:
    """The weight, in thousandths, of the first of the ranges that an Accept header lists; else 0."""
    weights: dict[str, int] = {}
    for part in accept.lower().split(","):
        media_range, *parameters = (piece.strip() for piece in part.split(";"))
        spelled = next((p for p in parameters if p.startswith("q=")), "q=1")
        known = _WEIGHT.fullmatch(spelled)
        weights[media_range] = int(Decimal(known[1]) * 1000) if known else 0
    return next((weights[name] for name in media_ranges if name in weights), 0)


@lru_cache(maxsize=100)
def negotiate(accept: str | None) -> str:
    """The media type of the answer; raises a 406 `Refusal` when the client takes neither."""
    if not accept or not accept.strip():
        return JSON
    graphql = weight(accept, GRAPHQL)
    plain = weight(accept, JSON, "application/*", "*/*")
    if not graphql and not plain:
        raise Refusal(406, "INVALID", f"Accept must allow {GRAPHQL} or {JSON}.")
    return GRAPHQL if graphql >= plain else JSON


def prefers_page(request: Request) -> bool:
    """Whether a browser asks for a page: it names text/html and no JSON above it, and no query."""
    if request.method != "GET" or _has_query(request):
        return False
    accept = request.headers.get("accept", "")
    html = weight(accept, "text/html")
    return html > 0 and html >= max(weight(accept, GRAPHQL), weight(accept, JSON))


def _has_query(request: Request) -> bool:
    return "query" in request.query_params


def require_json(request: Request) -> None:
    """Refuse a body of which the headers say that it is anything but JSON in UTF-8."""
    media_type, *parameters = request.headers.get("content-type", "").lower().split(";")
    if media_type.strip() != JSON:
        raise Refusal(415, "INVALID", f"Send the request with Content-Type: {JSON}.")
    for parameter in parameters:
        name, _, value = parameter.partition("=")
        if name.strip() == "charset" and value.strip(' \t"') not in ("utf-8", "utf8"):
            raise Refusal(415, "INVALID", "Send the request in UTF-8.")
    if request.headers.get("content-encoding", "identity").strip().lower() != "identity":
        raise Refusal(415, "INVALID", "Send the request without Content-Encoding.")


def too_large(bytes_max: int) -> Refusal:
    """For a body that is longer than it may be."""
    return Refusal(
        413, "LIMIT_EXCEEDED", f"A request may have {bytes_max:,} bytes: send several smaller ones."
    )


def _parameters(query_string: str) -> dict[str, Any]:
    try:
        pairs = parse_qsl(query_string, keep_blank_values=True, errors="strict", max_num_fields=100)
    except ValueError:  # bad UTF-8, or far too many of them
        raise Refusal(400, "INVALID", "The parameters of the address are not in UTF-8.") from None
    message: dict[str, Any] = dict(pairs)
    for name in ("variables", "extensions"):
        if text := message.pop(name, ""):
            message[name] = _loads(text, f"The parameter {name}")
    require_storable({name: value for name, value in message.items() if name != "query"})
    return message


def _loads(text: str | bytearray, what: str) -> object:
    """JSON as exact values: fractions become Decimals, integers of any usual size stay whole."""
    try:
        if isinstance(text, bytearray):
            text = text.decode("utf-8")
        value: object = _READER.decode(text)
    except UnicodeDecodeError:
        reason = "is not in UTF-8"
    except json.JSONDecodeError as error:
        reason = f"is not JSON: {error.msg} at line {error.lineno}, column {error.colno}"
    except (ValueError, InvalidOperation):
        reason = "holds a number that has too many digits, or is none"
    except RecursionError:
        reason = "is nested too deeply"
    else:
        return value
    raise Refusal(400, "INVALID", f"{what} {reason}.")


def _not_a_number(spelling: str) -> NoReturn:
    raise ValueError(spelling)


_READER = json.JSONDecoder(parse_float=Decimal, parse_constant=_not_a_number)


def _call_of(message: dict[str, Any]) -> Call:
    query = message.get("query")
    if not isinstance(query, str) or not query.strip():
        raise Refusal(400, "INVALID", "Send a document as the text `query`.", ("query",))
    if not is_storable(query):
        raise Refusal(400, "INVALID", CANNOT_STORE, ("query",))
    operation_name = message.get("operationName")
    if not isinstance(operation_name, str | None):
        raise Refusal(400, "INVALID", "`operationName` must be a text.", ("operationName",))
    for name in ("variables", "extensions"):
        if not isinstance(message.get(name), dict | None):
            raise Refusal(400, "INVALID", f"`{name}` must be an object.", (name,))
    return Call(query, message.get("variables"), operation_name, message.get("extensions"))


def _unstorable(value: object, path: tuple[str | int, ...]) -> tuple[str | int, ...] | None:
    """The place of the first text that no database stores; a key's is that of the object it is in.

    Whoever sends it needs no key: nothing is kept of what lies beside the way to it.
    """
    if _is_unstorable(value):
        return path
    place = [*path]
    walks = [_parts(value)]
    while walks:
        for step, inner in walks[-1]:
            if _is_unstorable(inner):
                return (*place, step)
            if isinstance(inner, dict | list):
                place.append(step)
                walks.append(_parts(inner))
                break
        else:
            walks.pop()
            del place[-1:]
    return None


def _is_unstorable(value: object) -> bool:
    if isinstance(value, dict):
        return not all(map(is_storable, value))
    return isinstance(value, str) and not is_storable(value)


def _parts(value: object) -> Iterator[tuple[str, object]]:
    if isinstance(value, dict):
        return iter(value.items())
    found = value if isinstance(value, list) else ()
    return ((str(index), inner) for index, inner in enumerate(found))


def _about_variable(reason: str, value: object) -> str:
    """What graphql-core says about a value, without repeating an object and with readable numbers."""
    reason = reason.split(" Found: {", 1)[0]
    return (
        reason.replace("<Decimal instance>", str(value)) if isinstance(value, Decimal) else reason
    )


def _value_at(value: object, path: list[str]) -> object:
    for key in path:
        if isinstance(value, Mapping):
            value = value.get(key)
        elif isinstance(value, list) and key.isdecimal() and int(key) < len(value):
            value = value[int(key)]
    return value
