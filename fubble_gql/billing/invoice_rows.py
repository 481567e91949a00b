"""Invoices and their lines as light rows, and how bills become rows and rows lines again."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from typing import Annotated, Any, NamedTuple
from uuid import UUID

from fubble_gql.billing.invoice_states import UNPAID, StoredStatus
from fubble_gql.db.connection import Connection
from fubble_gql.db.pages import Order
from fubble_gql.db.repeat import new_id
from fubble_gql.db.rows import JsonList, JsonObject, Read, Table, of_seen, own
from fubble_gql.db.sql import sql
from fubble_gql.db.write import Json, Row
from fubble_gql.pricing.charge import Step
from fubble_gql.pricing.line import Line, LineKind
from fubble_gql.pricing.money import ZERO
from fubble_gql.pricing.period import Period


class InvoiceRow(NamedTuple):
    """An invoice as it is stored."""

    id: UUID
    customer_id: UUID
    number: str | None
    status: StoredStatus
    currency: str
    period_start: datetime
    period_end: datetime
    subtotal: Decimal
    credits_applied: Decimal
    total: Decimal
    as_of: datetime | None
    issued_at: datetime | None
    due_at: datetime | None
    paid_at: datetime | None
    failed_at: datetime | None
    failure_reason: str | None
    voided_at: datetime | None
    void_reason: str | None
    bill_to: JsonObject | None
    seller: JsonObject | None
    notes: str | None
    credit_grant_ids: JsonList
    created_at: datetime

    @property
    def span(self) -> Period:
        return Period(self.period_start, self.period_end)

    @property
    def amount_due(self) -> Decimal:
        """The total until it is paid or voided."""
        return self.total if self.status in UNPAID else ZERO

    @property
    def named_grants(self) -> tuple[UUID, ...]:
        """The grants that it asks to be paid from first."""
        return tuple(UUID(id) for id in self.credit_grant_ids)


class InvoiceLineRow(NamedTuple):
    """A line as it is stored; steps are JSON."""

    id: UUID
    invoice_id: UUID
    position: int
    kind: Annotated[LineKind, Read(LineKind)]
    description: str
    component_id: UUID | None
    metric_id: UUID | None
    subscription_id: UUID | None
    period_start: datetime | None
    period_end: datetime | None
    quantity: Decimal
    unit_price: Decimal | None
    amount: Decimal
    steps: JsonList

    def line(self) -> Line:
        """As it was rated."""
        period = None
        if self.period_start is not None and self.period_end is not None:
            period = Period(self.period_start, self.period_end)
        return Line(
            kind=self.kind,
            description=self.description,
            component_id=self.component_id,
            metric_id=self.metric_id,
            subscription_id=self.subscription_id,
            period=period,
            quantity=self.quantity,
            unit_price=self.unit_price,
            amount=self.amount,
            steps=tuple(_step(one) for one in self.steps),
        )


INVOICES = Table("invoice", InvoiceRow, own("customer_id"))
INVOICE_LINES = Table("invoice_line", InvoiceLineRow, of_seen("invoice_id", INVOICES))
NEWEST_FIRST = Order(("created_at", "id"), descending=True)


async def lines_of(
    connection: Connection,
    invoice_ids: Sequence[UUID],
    table: Table[InvoiceLineRow] = INVOICE_LINES,
) -> dict[UUID, list[InvoiceLineRow]]:
    """The lines of each invoice, in their order; `table` may have fewer columns. One statement."""
    found: dict[UUID, list[InvoiceLineRow]] = {id: [] for id in invoice_ids}
    if found:
        where = sql("where") + connection.is_in("invoice_id", list(found)) + "order by position"
        for row in await table.select(connection, where):
            found[row.invoice_id].append(row)
    return found


def line_row(invoice_id: UUID, position: int, line: Line, id: UUID | None = None) -> Row:
    """A line to be written; a line that was there keeps its id."""
    return {
        "id": id or new_id(),
        "invoice_id": invoice_id,
        "position": position,
        "kind": line.kind.value,
        "description": line.description,
        "component_id": line.component_id,
        "metric_id": line.metric_id,
        "subscription_id": line.subscription_id,
        "period_start": line.period.start if line.period else None,
        "period_end": line.period.end if line.period else None,
        "quantity": line.quantity,
        "unit_price": line.unit_price,
        "amount": line.amount,
        "steps": Json([_written(step) for step in line.steps]),
    }


def _written(step: Step) -> Mapping[str, object]:
    return {
        "label": step.label,
        "quantity": step.quantity,
        "unitPrice": step.unit_price,
        "amount": step.amount,
        "flatFee": step.flat_fee,
        "above": step.above,
        "upTo": step.up_to,
    }


def _step(written: Mapping[str, Any]) -> Step:
    return Step(
        label=written["label"],
        quantity=Decimal(written["quantity"]),
        unit_price=Decimal(written["unitPrice"]),
        amount=Decimal(written["amount"]),
        flat_fee=_number(written["flatFee"]),
        above=_number(written["above"]),
        up_to=_number(written["upTo"]),
    )


def _number(value: Decimal | int | None) -> Decimal | None:
    return None if value is None else Decimal(value)
