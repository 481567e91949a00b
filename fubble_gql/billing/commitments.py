"""Commitments: agreed with a subscription or later, and removed."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import datetime
from uuid import UUID

from fubble_gql.billing import life as lives
from fubble_gql.billing.agreement import Ground, NewCommitment, agree
from fubble_gql.billing.held import held_until
from fubble_gql.billing.life import Life, Outcome
from fubble_gql.billing.models import Commitment
from fubble_gql.billing.rows import COMMITMENTS, CommitmentRow, commitments_of
from fubble_gql.catalog.rows import COMPONENTS, METRICS
from fubble_gql.db import refs
from fubble_gql.db.connection import Connection
from fubble_gql.db.refs import Ref
from fubble_gql.db.repeat import Call, made_before, new_id
from fubble_gql.errors import Code, Problem, Problems, Refused, refuse


async def add(
    connection: Connection, subscription_id: UUID, new: NewCommitment, now: datetime
) -> Outcome:
    """Commit a subscription to a quantity of a metric in each period, from now on unless said.

    With an idempotency key, the same input again changes nothing. Raises Refused: INVALID with
    every reason, NOT_FOUND, CONFLICT with another commitment to the metric, INVALID_STATE for a
    span that is invoiced and for a subscription that has ended; IDEMPOTENCY_MISMATCH.
    """

    async def work(tx: Connection) -> Outcome:
        row = await lives.hold(tx, subscription_id)
        life = await lives.read(tx, row.id)
        id = new_id()
        if not await _was_made(tx, id, row.id, new, now):
            lives.refuse_ended(row, now)
            ground = await _ground(tx, life, [new], now)
            others = (await commitments_of(tx, [row.id]))[row.id]
            problems = Problems()
            start = new.start_at or max(now, row.start_at)
            made = agree(problems, new, start, ground, others)
            problems.raise_if_any("input")
            if made is not None:
                await keep(tx, [made._replace(id=id)], now)
        return await lives.outcome(tx, life, now)

    return await connection.transaction(work)


async def remove(connection: Connection, id: UUID, now: datetime) -> Outcome:
    """End a commitment now, one that has not begun as it begins; again changes nothing.

    Raises Refused: NOT_FOUND, INVALID_STATE when an invoice holds what lies after now.
    """

    async def work(tx: Connection) -> Outcome:
        found = await refs.find(tx, COMMITMENTS, Ref(id=id))
        if found is None:
            raise refs.not_found(COMMITMENTS.name, "commitmentId")
        subscription = await lives.hold(tx, found.subscription_id)
        life = await lives.read(tx, subscription.id)
        row = await refs.get(tx, COMMITMENTS, Ref(id=id), "commitmentId")
        end = max(now, row.start_at)
        if row.end_at is None or end < row.end_at:
            invoiced = await held_until(tx, subscription.customer_id)
            if invoiced is not None and end < invoiced:
                raise refuse(Code.INVALID_STATE, lives.invoiced_message(invoiced), "commitmentId")
            await Commitment.filter(id=id).using_db(tx.client).update(end_at=end)
        return await lives.outcome(tx, life, now)

    return await connection.transaction(work)


async def agree_together(
    tx: Connection, life: Life, new: Sequence[NewCommitment], now: datetime
) -> list[CommitmentRow]:
    """The commitments that a subscription begins with; they start with it unless said.

    Raises Refused with every reason, each at its place in the list.
    """
    ground = await _ground(tx, life, new, now)
    problems, made = Problems(), list[CommitmentRow]()
    for index, one in enumerate(new):
        own = Problems()
        row = agree(own, one, one.start_at or life.subscription.start_at, ground, made)
        if one.idempotency_key is not None:
            own.add("subscribe has its own idempotencyKey; leave it out here.", "idempotencyKey")
        problems.found += [problem.below(index) for problem in own.found]
        made += [] if row is None else [row]
    problems.raise_if_any("input", "commitments")
    return made


async def keep(tx: Connection, rows: Iterable[CommitmentRow], now: datetime) -> None:
    """Write commitments that were agreed."""
    made = [Commitment(**row._asdict(), created_at=now) for row in rows]
    await Commitment.bulk_create(made, using_db=tx.client)


async def _ground(
    tx: Connection, life: Life, new: Sequence[NewCommitment], now: datetime
) -> Ground:
    metrics = await METRICS.by(tx, "key", sorted({one.metric for one in new}))
    components = await COMPONENTS.by(tx, "plan_id", list(life.plans))
    invoiced = await held_until(tx, life.subscription.customer_id)
    return Ground(life, {row.key: row for row in metrics}, components, invoiced, now)


async def _was_made(
    tx: Connection, id: UUID, subscription_id: UUID, new: NewCommitment, now: datetime
) -> bool:
    """Whether the same call was made before."""
    if new.idempotency_key is None:
        return False
    given = {"subscriptionId": str(subscription_id), **new.comparable()}
    call = Call("addCommitment", new.idempotency_key, given, id)
    try:
        return await made_before(tx, call, "input", now=now) is not None
    except Refused as refused:
        raise Refused(_beside_input(one) for one in refused.problems) from None


def _beside_input(problem: Problem) -> Problem:
    """The subscription is an argument of its own."""
    name = "subscriptionId"
    return replace(problem, path=(name,)) if problem.path == ("input", name) else problem
