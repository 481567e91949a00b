"""The bill run: every closed billing period that is not yet invoiced, once each."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import NamedTuple
from uuid import UUID

from fubble_gql.billing import due
from fubble_gql.billing.facts import Facts, gather
from fubble_gql.billing.held import HeldRow, held_periods, reschedule
from fubble_gql.billing.invoice_rows import InvoiceRow
from fubble_gql.billing.issue import Clock, issue, known_until, wanted_of
from fubble_gql.billing.periods_wanted import closed
from fubble_gql.billing.seller import Seller
from fubble_gql.billing.wanted import Ready, Wanted, ready
from fubble_gql.billing.writing import write_drafts
from fubble_gql.db.connection import Connection
from fubble_gql.errors import Code, Problem, Refused, Unavailable, refuse
from fubble_gql.pricing.period import Period
from fubble_gql.usage.store import store_of

# So many customers are invoiced in one transaction: one invoice each, then the next one each.
BATCH = 50
BUDGET = timedelta(seconds=20)


class Failure(NamedTuple):
    """A customer who could not be billed, for which subscription, and why."""

    customer_id: UUID
    subscription_id: UUID | None
    problem: Problem


@dataclass(slots=True)
class Run:
    """What a bill run did; `remaining` subscriptions and drafts were left when its time was up."""

    created: int = 0
    finalized: int = 0
    remaining: int = 0
    failures: list[Failure] = field(default_factory=list)
    invoice_ids: list[UUID] = field(default_factory=list)

    @property
    def skipped(self) -> int:
        """How many invoices were due and could not be made."""
        return len(self.failures)


@dataclass(frozen=True, slots=True)
class Order:
    """What is to be done: periods that ended by `as_of`, drafts only or finalised invoices."""

    as_of: datetime
    finalise: bool
    clock: Clock
    seller: Seller


async def run(
    connection: Connection,
    order: Order,
    budget: timedelta = BUDGET,
    report: Callable[[Run], None] | None = None,
) -> Run:
    """Invoice what is due, one invoice for each subscription and period.

    In transactions of bounded size, so that a run which is killed leaves whole invoices and the
    next one goes on; two at once do not meet on any period. A customer who cannot be billed is
    reported and stops nobody else. Stops when the time is up, and when the database goes away after
    something was done: what was done stays. Raises Refused: INVALID for an instant in the future.
    """
    if order.as_of > order.clock():
        raise refuse(Code.INVALID, "asOf must not be in the future.", "asOf")
    done = Run()
    try:
        await _run(connection, order, budget, report, done)
    except Unavailable:
        if not done.invoice_ids:
            raise
        done.remaining = 1  # at least that one, which could not be made
    return done


async def _run(
    connection: Connection,
    order: Order,
    budget: timedelta,
    report: Callable[[Run], None] | None,
    done: Run,
) -> None:
    until = time.monotonic() + budget.total_seconds()
    last: UUID | None = None
    while customers := await due.customers(
        connection, order.as_of, last, BATCH, finalise=order.finalise
    ):
        async for _ in _bill(connection, customers, order, done):
            if report is not None:
                report(done)
            if time.monotonic() >= until:
                break
        if time.monotonic() >= until:
            done.remaining = await due.remaining(connection, order.as_of, finalise=order.finalise)
            done.remaining = max(0, done.remaining - len(done.failures))
            break
        last = customers[-1]


async def _bill(
    connection: Connection, customers: Sequence[UUID], order: Order, done: Run
) -> AsyncIterator[None]:
    """One invoice for each customer in a transaction, again until none has any due."""
    waiting = list(customers)
    passed: set[object] = set()
    while waiting:
        step = await connection.transaction(
            lambda tx: _step(tx, tuple(waiting), order, passed)  # noqa: B023 - awaited at once
        )
        done.created += step.created
        done.finalized += step.finalized
        done.invoice_ids += step.invoice_ids
        done.failures += step.failures
        waiting = step.waiting
        yield


@dataclass(slots=True)
class _Step:
    """What one transaction did, and whose customers may have more to be invoiced."""

    created: int = 0
    finalized: int = 0
    invoice_ids: list[UUID] = field(default_factory=list)
    failures: list[Failure] = field(default_factory=list)
    waiting: list[UUID] = field(default_factory=list)


async def _step(
    tx: Connection, customers: Sequence[UUID], order: Order, passed: set[object]
) -> _Step:
    await store_of(tx).hold_alone(tx, customers)
    facts = await gather(tx, customers)
    ids = [line.subscription.id for lines in facts.timelines.values() for line in lines]
    held = await held_periods(tx, ids)
    drafts = await due.drafts(tx, customers, order.as_of) if order.finalise else {}
    await _reschedule(tx, facts, held, order.as_of)
    chosen = {id: _next(facts, held, drafts, id, order, passed) for id in customers}
    picked = [one for one in chosen.values() if one is not None]
    existing = [one for one in picked if isinstance(one, InvoiceRow)]
    wanted = [one for one in picked if isinstance(one, Wanted)]
    wanted += await wanted_of(tx, existing) if existing else []
    if not wanted:
        return _Step()
    outcomes = await _write(tx, facts, wanted, order)
    step = _Step(waiting=[one.customer_id for one in wanted])
    for one, outcome in zip(wanted, outcomes, strict=True):
        _note(step, one, outcome, order, passed)
    return step


async def _reschedule(
    tx: Connection, facts: Facts, held: Mapping[UUID, Sequence[HeldRow]], as_of: datetime
) -> None:
    """Set right when subscriptions are due that were taken to be due already and are not."""
    stale = [
        line.subscription.id
        for lines in facts.timelines.values()
        for line in lines
        if line.subscription.due_at is not None
        and line.subscription.due_at <= as_of
        and next(closed(line, held[line.subscription.id], as_of), None) is None
    ]
    if stale:
        await reschedule(tx, stale)


def _next(
    facts: Facts,
    held: Mapping[UUID, Sequence[HeldRow]],
    drafts: Mapping[UUID, Sequence[InvoiceRow]],
    customer_id: UUID,
    order: Order,
    passed: set[object],
) -> Wanted | InvoiceRow | None:
    """What comes next for a customer: a draft, the period that ended first, or adjustments alone."""
    for draft in drafts.get(customer_id, ()):
        if draft.id not in passed:
            return draft
    waiting = [one for one in _due(facts, held, customer_id, order.as_of) if one not in passed]
    if waiting:
        subscription_id, period = min(waiting, key=lambda one: (one[1].end, one[1].start))
        return Wanted(customer_id, spans=((subscription_id, period),))
    if order.finalise and customer_id not in passed and _is_over(facts, held, customer_id):
        return Wanted(customer_id, adjusts_alone=True)
    return None


def _due(
    facts: Facts, held: Mapping[UUID, Sequence[HeldRow]], customer_id: UUID, as_of: datetime
) -> Iterator[tuple[UUID, Period]]:
    for line in facts.timelines[customer_id]:
        for period in closed(line, held[line.subscription.id], as_of):
            yield line.subscription.id, period


def _is_over(facts: Facts, held: Mapping[UUID, Sequence[HeldRow]], customer_id: UUID) -> bool:
    """Whether no invoice of the customer's will come any more that could carry adjustments."""
    lines = facts.timelines[customer_id]
    ids = [line.subscription.id for line in lines]
    is_billed = any(held[id] for id in ids)
    is_drafted = any(row.is_drafted for id in ids for row in held[id])
    return is_billed and not is_drafted and all(line.subscription.due_at is None for line in lines)


async def _write(
    tx: Connection, facts: Facts, wanted: Sequence[Wanted], order: Order
) -> Sequence[UUID | Refused | None]:
    if order.finalise:
        return await issue(tx, facts, wanted, order.clock, order.seller)
    as_of = await known_until(tx, facts, [one.customer_id for one in wanted], order.clock)
    found = await ready(tx, facts, wanted, as_of)
    await write_drafts(tx, [one for one in found if isinstance(one, Ready)], as_of)
    return [one if isinstance(one, Refused) else one.wanted.id for one in found]


def _note(
    step: _Step,
    wanted: Wanted,
    outcome: UUID | Refused | None,
    order: Order,
    passed: set[object],
) -> None:
    """Count what was made; what could not be made is not tried again in this run."""
    if wanted.adjusts_alone:
        passed.add(wanted.customer_id)
    if isinstance(outcome, Refused):
        passed.update((wanted.id, *wanted.spans))
        subscription_id = wanted.spans[0][0] if wanted.spans else None
        problem = outcome.problems[0]
        step.failures.append(Failure(wanted.customer_id, subscription_id, problem))
    elif outcome is not None:
        step.invoice_ids.append(outcome)
        step.created += wanted.draft is None
        step.finalized += order.finalise
