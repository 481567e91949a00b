"""The document of an invoice as JSON, for programs: the same content as the PDF."""

from __future__ import annotations

from dataclasses import fields, is_dataclass
from datetime import datetime
from decimal import Decimal
from enum import Enum

from fubble_gql.db import exact_json
from fubble_gql.documents.invoice import Document
from fubble_gql.pricing.fault import camel
from fubble_gql.pricing.wallclock import rfc3339


def as_json(document: Document) -> str:
    """Names as in the graph; amounts and quantities are texts, instants RFC 3339 in UTC."""
    return exact_json.dumps(_plain(document))


def _plain(value: object) -> object:
    match value:
        case Enum():
            return value.value
        case Decimal():
            return f"{value:f}"
        case datetime():
            return rfc3339(value)
        case tuple():
            return [_plain(one) for one in value]
        case _ if is_dataclass(value):
            return {camel(one.name): _plain(getattr(value, one.name)) for one in fields(value)}
        case _:
            return value
