"""Draft invoices: made for billing periods or for lines by hand, and rated anew."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from uuid import UUID

from fubble_gql import checks
from fubble_gql.billing.facts import Facts, gather
from fubble_gql.billing.invoice_rows import INVOICES, InvoiceRow
from fubble_gql.billing.invoice_states import require_draft
from fubble_gql.billing.issue import customer_of, invoice, known_until, wanted_of
from fubble_gql.billing.periods_wanted import spans_for
from fubble_gql.billing.wanted import Wanted, ready
from fubble_gql.billing.writing import write_drafts
from fubble_gql.credits.rows import CREDIT_GRANTS
from fubble_gql.customers.store import CUSTOMERS, CustomerRow
from fubble_gql.db import refs
from fubble_gql.db.connection import Connection
from fubble_gql.db.refs import Ref
from fubble_gql.db.repeat import Call, made_before
from fubble_gql.errors import Code, Problems, Refused, refuse
from fubble_gql.pricing.period import Period
from fubble_gql.usage.store import store_of

Clock = Callable[[], datetime]
GRANTS_MAX = 100


@dataclass(frozen=True, slots=True)
class NewInvoice:
    """What a draft is made from: a subscription's whole period, a customer's periods, or neither."""

    customer: Ref
    subscription_id: UUID | None = None
    period: Period | None = None
    notes: str | None = None
    credit_grant_ids: tuple[UUID, ...] = ()
    idempotency_key: str | None = None

    def comparable(self, customer: CustomerRow) -> dict[str, object]:
        """The input with its references resolved."""
        period = self.period
        return {
            "customer": str(customer.id),
            "subscriptionId": str(self.subscription_id) if self.subscription_id else None,
            "period": [period.start.isoformat(), period.end.isoformat()] if period else None,
            "notes": self.notes,
            "creditGrantIds": [str(id) for id in self.credit_grant_ids],
        }


async def create(connection: Connection, new: NewInvoice, clock: Clock) -> InvoiceRow:
    """Make a draft. It holds its periods: no other invoice can have them.

    With an idempotency key, the same input again returns the invoice that it made, as it is now.
    Raises Refused: INVALID with every reason, NOT_FOUND, CONFLICT for a period that an invoice
    holds, INVALID_STATE for an archived customer, FORMULA_FAILED, IDEMPOTENCY_MISMATCH.
    """

    async def work(tx: Connection) -> InvoiceRow:
        customer = await refs.find(tx, CUSTOMERS, new.customer)
        if customer is None:
            raise refs.not_found("customer", "input", "customer")
        wanted = Wanted(
            customer.id, notes=new.notes, named=tuple(dict.fromkeys(new.credit_grant_ids))
        )
        if new.idempotency_key is not None:
            call = Call("createInvoice", new.idempotency_key, new.comparable(customer), wanted.id)
            made_id = await made_before(tx, call, "input", now=clock())
            if made_id is not None:
                return await invoice(tx, made_id)
        await store_of(tx).hold_alone(tx, [customer.id])
        (customer,) = await CUSTOMERS.by(tx, "id", [customer.id])
        await _check(tx, new, customer)
        facts = await gather(tx, [customer.id])
        as_of = await known_until(tx, facts, [customer.id], clock)
        spans = await spans_for(tx, facts, customer.id, new.subscription_id, new.period, as_of)
        await _write(tx, facts, replace(wanted, spans=spans), as_of)
        return await invoice(tx, wanted.id)

    return await connection.transaction(work)


async def refresh(connection: Connection, id: UUID, clock: Clock) -> InvoiceRow:
    """Rate a draft anew; its manual lines stay.

    Raises Refused: NOT_FOUND, INVALID_STATE, FORMULA_FAILED.
    """

    async def work(tx: Connection) -> InvoiceRow:
        customer_id = await customer_of(tx, id)
        await store_of(tx).hold_alone(tx, [customer_id])
        row = await draft(tx, id)
        facts = await gather(tx, [customer_id])
        as_of = await known_until(tx, facts, [customer_id], clock)
        (wanted,) = await wanted_of(tx, [row])
        await _write(tx, facts, wanted, as_of)
        return await invoice(tx, id)

    return await connection.transaction(work)


async def draft(tx: Connection, id: UUID) -> InvoiceRow:
    """An invoice whose lines may change, locked. Raises Refused: NOT_FOUND, INVALID_STATE."""
    row = await refs.get(tx, INVOICES, Ref(id=id), "invoiceId")
    require_draft(row.status, "invoiceId")
    return row


async def _write(tx: Connection, facts: Facts, wanted: Wanted, as_of: datetime) -> None:
    (bill,) = await ready(tx, facts, [wanted], as_of)
    if isinstance(bill, Refused):
        raise bill
    await write_drafts(tx, [bill], as_of)


async def _check(tx: Connection, new: NewInvoice, customer: CustomerRow) -> None:
    problems = Problems()
    checks.optional_text(problems, new.notes, "notes", limit=checks.LONG_TEXT_LENGTH_MAX)
    if len(new.credit_grant_ids) > GRANTS_MAX:
        problems.add(f"At most {GRANTS_MAX} grants can be named.", "creditGrantIds")
    problems.raise_if_any("input")
    if customer.archived_at is not None:
        raise refuse(Code.INVALID_STATE, "The customer is archived.", "input", "customer")
    await _check_grants(tx, new.credit_grant_ids, customer)


async def _check_grants(tx: Connection, ids: Sequence[UUID], customer: CustomerRow) -> None:
    rows = await CREDIT_GRANTS.by(tx, "id", ids)
    own = {row.id for row in rows if row.customer_id == customer.id}
    problems = Problems()
    for index, id in enumerate(ids):
        if id not in own:
            problems.add(
                "The customer has no such credit grant.",
                "creditGrantIds",
                index,
                code=Code.NOT_FOUND,
            )
    problems.raise_if_any("input")
