"""Opaque ids: a short prefix for the type, then the row's own id."""

from __future__ import annotations

import re
from uuid import UUID

from fubble_gql.errors import Code, refuse

PREFIXES = {
    "Customer": "cus",
    "Metric": "met",
    "Plan": "plan",
    "PriceComponent": "pc",
    "PlanSubscription": "sub",
    "Commitment": "com",
    "UsageEvent": "evt",
    "Invoice": "inv",
    "InvoiceLine": "line",
    "CreditGrant": "crd",
    "CreditTransaction": "ctx",
}
# No row has these ids.
NOBODY = UUID(int=0)
_NO_EVENT = -1
_TYPES = {prefix: name for name, prefix in PREFIXES.items()}
_SHAPE = re.compile(r"([a-z]{2,4})_([0-9a-f]{32}|[0-9]{1,18})", re.ASCII)


def encode(type_name: str, id: UUID | int) -> str:
    """The id that clients see."""
    return f"{PREFIXES[type_name]}_{id.hex if isinstance(id, UUID) else id}"


def split(id: str, *path: str | int) -> tuple[str, UUID | int]:
    """The type that an id is of, and the row's own id. Refused with INVALID when it is no id."""
    shape = _SHAPE.fullmatch(id)
    name = _TYPES.get(shape[1]) if shape else None
    if shape is None or name is None or (name == "UsageEvent") == (len(shape[2]) == 32):
        raise refuse(Code.INVALID, "This is not an id; use one that the API gave you.", *path)
    return name, int(shape[2]) if name == "UsageEvent" else UUID(shape[2])


def missing(id: str) -> tuple[str, UUID | int]:
    """For what is no id: the type that its prefix names, else Customer, and an id of no row."""
    name = _TYPES.get(id.partition("_")[0], "Customer")
    return name, _NO_EVENT if name == "UsageEvent" else NOBODY


def decode(type_name: str, id: str, *path: str | int) -> UUID:
    """The row's id. Refused with INVALID when it is malformed or of another type."""
    name, own = split(id, *path)
    if name != type_name or not isinstance(own, UUID):
        raise refuse(Code.INVALID, f"This is the id of a {name}; a {type_name}'s is wanted.", *path)
    return own
