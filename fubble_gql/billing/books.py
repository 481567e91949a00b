"""What a customer's invoices and credits say so far: it balances the next bill."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from itertools import takewhile
from uuid import UUID

from fubble_gql.billing.facts import Facts
from fubble_gql.billing.held import HeldRow, held_periods, next_due
from fubble_gql.billing.pieces import Planned, plan
from fubble_gql.billing.sheet import Sheet
from fubble_gql.billing.standing import changed_spans
from fubble_gql.billing.timeline import Timeline, clip
from fubble_gql.credits import ledger
from fubble_gql.db.connection import Connection
from fubble_gql.pricing.credit import Grant
from fubble_gql.pricing.period import Period


@dataclass(frozen=True, slots=True)
class Books:
    """The periods that invoices hold and those that may have changed since, and spendable credit.

    Periods by subscription, credit by customer.
    """

    facts: Facts
    held: Mapping[UUID, Sequence[HeldRow]]
    changed: Mapping[UUID, Sequence[Period]]
    grants: Mapping[UUID, Sequence[Grant]]

    def are_open(self, line: Timeline, span: Period) -> bool:
        """Whether the span holds whole billing periods of a subscription that will be invoiced.

        None of them is on an issued invoice, or wholly in trial.
        """
        life = clip(span, line.subscription.start_at, line.subscription.end_at)
        if life is None:
            return True
        taken = {row.start_at for row in self.held[line.subscription.id] if not row.is_drafted}
        periods = takewhile(lambda one: one.start < life.end, line.periods(life.start))
        trial_end = line.subscription.trial_end_at
        return all(
            life.start <= one.start
            and one.end <= life.end
            and one.start not in taken
            and (trial_end is None or trial_end < one.end)
            for one in periods
        )

    def balanced(self, sheet: Sheet) -> Sheet:
        """The sheet with what late usage changes in invoiced periods, and with spendable credit."""
        again = tuple(self._again(sheet))
        grants = tuple(self.grants.get(sheet.customer_id, ()))
        zeroed = tuple(self._zeroed(sheet))
        return replace(sheet, again=again, zeroed=zeroed, standing=None, grants=grants)

    def is_outdated(self, sheet: Sheet) -> bool:
        """Whether an invoice was finalised since the instant that the sheet looks back to."""
        cut_at = self.facts.customers[sheet.customer_id].cut_at
        return cut_at is not None and sheet.as_of < cut_at

    def covered(self, sheet: Sheet) -> list[Timeline]:
        """Whose late usage the bill carries: its own subscriptions', and those' that have ended."""
        own = {piece.subscription_id for piece in sheet.pieces}
        return [
            line
            for line in self.facts.timelines[sheet.customer_id]
            if line.subscription.id in own or self.is_finished(line)
        ]

    def is_finished(self, line: Timeline) -> bool:
        """Whether no later invoice of the subscription's own will come."""
        held = self.held[line.subscription.id]
        is_drafted = any(row.is_drafted for row in held)
        return bool(held) and not is_drafted and next_due(line, held) is None

    def _zeroed(self, sheet: Sheet) -> Iterator[tuple[UUID, Period]]:
        """Periods settled at zero: what other invoices adjusted in them stands no more."""
        for line in self.covered(sheet):
            if line.subscription.settled_at is None:
                for row in self.held[line.subscription.id]:
                    if not row.is_issued and not row.is_drafted:
                        yield row.subscription_id, row.span

    def _again(self, sheet: Sheet) -> Iterator[Planned]:
        for line in self.covered(sheet):
            for span in self.changed.get(line.subscription.id, ()):
                for cut in line.cuts(span):
                    yield plan(self.facts, line, cut)


async def open_books(
    connection: Connection,
    facts: Facts,
    as_of: datetime,
    *,
    since: datetime | None = None,
    lock: bool = False,
) -> Books:
    """The books of all customers that the facts are about. Three statements.

    With `lock` nobody else can spend or cancel the credit until the transaction ends. `since` is the
    earliest instant that a bill looks back to.
    """
    lines = [line for lines in facts.timelines.values() for line in lines]
    held = await held_periods(connection, [line.subscription.id for line in lines])
    rows = [line.subscription for line in lines if held[line.subscription.id]]
    changed = await changed_spans(connection, rows, held, as_of)
    grants = await ledger.spendable(
        connection, list(facts.customers), as_of, since=since, lock=lock
    )
    return Books(facts, held, changed, grants)
