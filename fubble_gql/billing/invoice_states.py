"""The states of an invoice, and what moves it from one to another: one table."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from enum import StrEnum
from typing import Annotated

from fubble_gql.db.rows import Read
from fubble_gql.errors import Code, refuse


class InvoiceStatus(StrEnum):
    """Where an invoice is in its life."""

    DRAFT = "DRAFT"
    PENDING = "PENDING"
    PAID = "PAID"
    FAILED = "FAILED"
    VOID = "VOID"


StoredStatus = Annotated[InvoiceStatus, Read(InvoiceStatus)]

ISSUED = frozenset({InvoiceStatus.PENDING, InvoiceStatus.PAID, InvoiceStatus.FAILED})
UNPAID = frozenset({InvoiceStatus.PENDING, InvoiceStatus.FAILED})

_S = InvoiceStatus

# Where each state can be reached from. PAID can only be voided with a total of 0.
REACHED_FROM: Mapping[InvoiceStatus, frozenset[InvoiceStatus]] = {
    _S.DRAFT: frozenset(),
    _S.PENDING: frozenset({_S.DRAFT}),
    _S.PAID: frozenset({_S.PENDING, _S.FAILED}),
    _S.FAILED: frozenset({_S.PENDING}),
    _S.VOID: frozenset({_S.DRAFT, _S.PENDING, _S.FAILED, _S.PAID}),
}


def can_move(status: InvoiceStatus, to: InvoiceStatus, total: Decimal, *path: str) -> bool:
    """Whether there is anything to do: False where it is there already.

    Raises Refused: INVALID_STATE naming both states.
    """
    if status is to or (to is _S.PENDING and status in ISSUED):
        return False
    if status is _S.PAID and to is _S.VOID and total:
        raise refuse(
            Code.INVALID_STATE,
            "The invoice is PAID and cannot become VOID: what was paid has to be given back first, "
            "for instance as a credit.",
            *path,
        )
    if status not in REACHED_FROM[to]:
        raise refuse(Code.INVALID_STATE, f"The invoice is {status} and cannot become {to}.", *path)
    return True


def require_draft(status: InvoiceStatus, *path: str) -> None:
    """Raises Refused: INVALID_STATE unless its lines may still change."""
    if status is not _S.DRAFT:
        raise refuse(
            Code.INVALID_STATE,
            f"The invoice is {status}; only a DRAFT can be changed.",
            *path,
        )
