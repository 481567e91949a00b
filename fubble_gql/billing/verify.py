"""Proving issued invoices: the terms that each keeps, and the events known then, rated again."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from decimal import Decimal
from itertools import zip_longest
from uuid import UUID

from fubble_gql.billing import terms
from fubble_gql.billing.invoice_rows import InvoiceLineRow, InvoiceRow, lines_of
from fubble_gql.billing.prices import Prices, prices_of
from fubble_gql.billing.rows import COMMITMENTS
from fubble_gql.billing.sheet import Rated, Sheet, rate
from fubble_gql.catalog.rows import PLANS
from fubble_gql.credits.rows import CREDIT_TRANSACTIONS
from fubble_gql.db import exact_json
from fubble_gql.db.connection import Connection
from fubble_gql.db.sql import sql
from fubble_gql.errors import Refused
from fubble_gql.pricing.fault import camel
from fubble_gql.pricing.line import Line, LineKind
from fubble_gql.pricing.money import ZERO, plain, tidy
from fubble_gql.pricing.period import Period


@dataclass(frozen=True, slots=True)
class Verification:
    """Where an invoice differs from what it was rated on; nowhere, unless it was tampered with."""

    differences: tuple[str, ...]

    @property
    def matches(self) -> bool:
        return not self.differences


async def verify(
    connection: Connection, invoices: Sequence[InvoiceRow]
) -> dict[UUID, Verification | None]:
    """Each invoice rated again as of its own instant; None for one that was never finalised.

    Lines that were made by hand are taken as they are. The number of statements does not depend
    on how many invoices there are.
    """
    issued = [row for row in invoices if row.number is not None and row.as_of is not None]
    ids = [row.id for row in issued]
    lines, kept = await lines_of(connection, ids), await terms_kept(connection, ids)
    drawn = await _drawn(connection, ids)
    sheets = [_sheet(row, kept[row.id], lines[row.id]) for row in issued]
    prices = await _prices(connection, sheets)
    rated = await rate(connection, prices, sheets, from_events=True)
    found: dict[UUID, Verification | None] = dict.fromkeys((row.id for row in invoices), None)
    for row, one in zip(issued, rated, strict=True):
        paid = drawn.get(row.id, ZERO)
        differences = _differences(row, lines[row.id], one)
        if row.credits_applied != paid:
            differences.append(_differs("creditsApplied", row.credits_applied, paid))
        found[row.id] = Verification(tuple(differences))
    return found


async def _drawn(connection: Connection, invoice_ids: Sequence[UUID]) -> dict[UUID, Decimal]:
    """What each invoice drew of credit, whether or not it was returned since."""
    found: dict[UUID, Decimal] = {}
    for entry in await CREDIT_TRANSACTIONS.by(connection, "invoice_id", invoice_ids):
        if entry.invoice_id is not None and entry.amount < 0:
            found[entry.invoice_id] = found.get(entry.invoice_id, ZERO) - entry.amount
    return found


async def terms_kept(connection: Connection, invoice_ids: Sequence[UUID]) -> dict[UUID, terms.Json]:
    """The terms that finalised invoices keep. One statement."""
    rows = await connection.fetch(
        sql("select id, terms from invoice where terms is not null and")
        + connection.is_in("id", list(invoice_ids))
    )
    return {UUID(str(id)): _json(text) for id, text in rows}


def _json(text: str) -> terms.Json:
    found = exact_json.loads(text)
    assert isinstance(found, dict)  # noqa: S101 - what `terms.written` wrote
    return found


def _sheet(row: InvoiceRow, kept: terms.Json, lines: Sequence[InvoiceLineRow]) -> Sheet:
    assert row.as_of is not None  # noqa: S101 - a finalised one
    return Sheet(
        customer_id=row.customer_id,
        currency=row.currency,
        as_of=row.as_of,
        period=Period(row.period_start, row.period_end),
        pieces=terms.pieces_in(kept),
        again=terms.again_in(kept),
        standing=terms.standing_in(kept),
        manual=tuple(one.line() for one in lines if one.kind is LineKind.MANUAL),
    )


async def _prices(connection: Connection, sheets: Sequence[Sheet]) -> Prices:
    pieces = [one for sheet in sheets for one in (*sheet.pieces, *sheet.again)]
    plans = await PLANS.by(connection, "id", list({one.plan_id for one in pieces}))
    ids = terms.commitments_in(pieces)
    return await prices_of(connection, plans, await COMMITMENTS.by(connection, "id", list(ids)))


def _differences(
    row: InvoiceRow, lines: Sequence[InvoiceLineRow], rated: Rated | Refused
) -> list[str]:
    if isinstance(rated, Refused):
        return [f"It cannot be rated any more: {rated}"]
    found = []
    for n, (kept, line) in enumerate(zip_longest(lines, rated.bill.lines), start=1):
        if kept is None or line is None:
            found.append(f"line {n}: {'missing' if kept is None else 'not owed'}")
        else:
            found += [f"line {n}: {text}" for text in _line_differences(kept.line(), line)]
    if row.subtotal != rated.bill.subtotal:
        found.append(_differs("subtotal", row.subtotal, rated.bill.subtotal))
    total = max(ZERO, rated.bill.subtotal - row.credits_applied)
    if row.total != total:
        found.append(_differs("total", row.total, total))
    return found


def _line_differences(kept: Line, rated: Line) -> Iterator[str]:
    for name in _SAME:
        one, other = getattr(kept, name), getattr(rated, name)
        if one != other:
            yield _differs(name, one, other)
    if _steps(kept) != _steps(rated):
        yield "its steps differ"


# Not the description: what a metric is called may change. Nor the labels of steps: their wording may.
_SAME = (
    "kind",
    "subscription_id",
    "component_id",
    "metric_id",
    "period",
    "quantity",
    "unit_price",
    "amount",
)


def _steps(line: Line) -> list[tuple[object, ...]]:
    return [
        (one.quantity, one.unit_price, one.amount, one.flat_fee, one.above, one.up_to)
        for one in line.steps
    ]


def _differs(name: str, kept: object, rated: object) -> str:
    return f"{camel(name)} is {_shown(kept)}, rated again {_shown(rated)}"


def _shown(value: object) -> object:
    if value is None:
        return "none"
    return plain(tidy(value)) if isinstance(value, Decimal) else value
