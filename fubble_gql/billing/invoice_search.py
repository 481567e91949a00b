"""Finding invoices: which ones."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

from fubble_gql.billing.invoice_rows import InvoiceRow
from fubble_gql.billing.invoice_states import UNPAID, InvoiceStatus
from fubble_gql.db.connection import Connection
from fubble_gql.db.refs import Ref
from fubble_gql.db.sql import Sql, all_of, sql


@dataclass(frozen=True, slots=True)
class InvoiceSearch:
    """Which invoices are wanted; what is None does not matter.

    `issued_after` is in it, `issued_before` is not.
    """

    is_overdue: bool | None = None
    statuses: Sequence[InvoiceStatus] | None = None
    issued_after: datetime | None = None
    issued_before: datetime | None = None
    customer: Ref | None = None

    def conditions(self, connection: Connection, now: datetime) -> Sql:
        """For a WHERE on invoice."""
        return all_of(self._conditions(connection, now))

    def _conditions(self, connection: Connection, now: datetime) -> Iterator[Sql]:
        if self.is_overdue is not None:
            overdue = _has_status(connection, sorted(UNPAID)) + sql("and due_at < ?", now)
            yield overdue if self.is_overdue else sql("not (") + overdue + ")"
        if self.statuses is not None:
            yield _has_status(connection, self.statuses)
        if self.issued_after is not None:
            yield sql("issued_at >= ?", self.issued_after)
        if self.issued_before is not None:
            yield sql("issued_at < ?", self.issued_before)
        if self.customer is not None:
            yield sql("customer_id in (select id from customer where") + (
                self.customer.condition + ")"
            )


def is_overdue(row: InvoiceRow, now: datetime) -> bool:
    """Whether it should have been paid before now: the same rule as the search's."""
    return row.status in UNPAID and row.due_at is not None and row.due_at < now


def _has_status(connection: Connection, statuses: Sequence[InvoiceStatus]) -> Sql:
    return connection.is_in("status", [status.value for status in statuses])
