"""Plans: published in versions that never change."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any
from uuid import UUID

from fubble_gql.catalog.components import (
    NewComponent,
    check_components,
    is_readable,
    stored_component,
)
from fubble_gql.catalog.models import Plan, PriceComponent
from fubble_gql.catalog.new_plan import (
    NewPlan,
    comparable,
    component_differs,
    stored_plan,
    versions_as_new,
)
from fubble_gql.catalog.plan_checks import check_plan
from fubble_gql.catalog.rows import METRICS, PLANS, PlanRow
from fubble_gql.db.connection import Connection
from fubble_gql.db.refs import Ref, not_found
from fubble_gql.db.repeat import Call, differing, make_once, new_id
from fubble_gql.db.sql import sql
from fubble_gql.errors import Code, Problems, Refused, refuse

Change = Callable[[NewPlan, Sequence[NewPlan]], NewPlan]


async def create(connection: Connection, new: NewPlan, now: datetime) -> PlanRow:
    """Publish version 1 of a plan; the same input again returns its latest version.

    Raises Refused: INVALID with every reason, ALREADY_EXISTS when the key was used otherwise.
    """
    problems = await _problems(connection, new)
    if not all(is_readable(component) for component in new.components):
        problems.raise_if_any("input")
    call = Call("createPlan", new.key, comparable(new), new_id())

    async def make(tx: Connection, id: UUID) -> None:
        await _publish(tx, new, id, version=1, now=now)

    await make_once(connection, call, problems, make, now)
    return await latest(connection, new.key)


async def update(
    connection: Connection,
    ref: Ref,
    change: Change,
    expected_version: int | None,
    now: datetime,
) -> PlanRow:
    """Publish what `change` makes of the latest version; none when nothing differs.

    `change` also sees all versions, oldest first. Raises Refused: INVALID with every reason,
    NOT_FOUND, and CONFLICT when the latest version is not the expected one.
    """

    async def work(tx: Connection) -> PlanRow:
        versions = await _lock(tx, ref)
        current = versions[-1]
        known = await versions_as_new(tx, versions)
        changed = change(known[-1], known)
        (await _problems(tx, changed)).raise_if_any("input")
        if differing(comparable(known[-1]), comparable(changed)) is None:
            return current
        if expected_version is not None and expected_version != current.version:
            raise refuse(
                Code.CONFLICT,
                f"The latest version is {current.version}; look at it, then try again.",
                "expectedVersion",
            )
        await Plan.filter(id=current.id).using_db(tx.client).update(superseded_at=now)
        await _publish(
            tx,
            changed,
            new_id(),
            version=current.version + 1,
            now=now,
            deactivated_at=current.deactivated_at,
        )
        return await latest(tx, current.key)

    return await connection.transaction(work)


async def deactivate(connection: Connection, ref: Ref, now: datetime) -> PlanRow:
    """Let no new subscription begin on any version; running ones go on. Again changes nothing."""

    async def work(tx: Connection) -> PlanRow:
        current = (await _lock(tx, ref))[-1]
        active = Plan.filter(key=current.key, deactivated_at=None).using_db(tx.client)
        await active.update(deactivated_at=now)
        return await latest(tx, current.key)

    return await connection.transaction(work)


async def add_component(
    connection: Connection,
    ref: Ref,
    component: NewComponent,
    expected_version: int | None,
    now: datetime,
) -> PlanRow:
    """Publish a version with one more component; none when the very same one is there."""
    problems = Problems()
    await check_components(connection, problems, [component])
    if problems.found:
        # Seen from the component itself, not from a list that the caller did not write.
        raise Refused(replace(one, path=("input", *one.path[2:])) for one in problems.found)

    def change(plan: NewPlan, _: Sequence[NewPlan]) -> NewPlan:
        for position, known in enumerate(plan.components):
            if known.key == component.key:
                if component_differs(position, known, component):
                    raise refuse(
                        Code.ALREADY_EXISTS,
                        f"The plan has another component with the key {component.key!r}.",
                        "input",
                        "key",
                    )
                return plan
        return replace(plan, components=[*plan.components, component])

    return await update(connection, ref, change, expected_version, now)


async def remove_component(
    connection: Connection, ref: Ref, key: str, expected_version: int | None, now: datetime
) -> PlanRow:
    """Publish a version without a component; none when only an earlier version had it."""

    def change(plan: NewPlan, versions: Sequence[NewPlan]) -> NewPlan:
        if not any(known.key == key for version in versions for known in version.components):
            raise not_found("price component", "componentKey")
        rest = [one for one in plan.components if one.key != key]
        if not rest:
            message = "A plan needs at least one price component; add another one first."
            raise refuse(Code.INVALID, message, "componentKey")
        return replace(plan, components=rest)

    return await update(connection, ref, change, expected_version, now)


async def latest(connection: Connection, key: str) -> PlanRow:
    """The latest version under a key. Refused with NOT_FOUND when there is none."""
    return await find(connection, Ref(key=key), "plan")


async def find(connection: Connection, ref: Ref, *path: str) -> PlanRow:
    """The version with this id, or the latest one with this key. Refused when there is none."""
    found = await look_up(connection, ref, None)
    if found is None:
        raise not_found("plan", *path)
    return found


async def look_up(connection: Connection, ref: Ref, version: int | None) -> PlanRow | None:
    """The version with this id, or of this key the given one, else the latest; None if there is none.

    Raises Refused with INVALID for an id together with a version.
    """
    if ref.id is not None and version is not None:
        raise refuse(Code.INVALID, "An id is one version's already; leave version out.", "version")
    condition = ref.condition
    if version is not None:
        condition += sql("and version = ?", version)
    elif ref.key is not None:
        condition += "and superseded_at is null"
    rows = await PLANS.select(connection, sql("where") + condition)
    return rows[0] if rows else None


def with_changes(changes: Mapping[str, Any]) -> Change:
    """The change that sets some fields of NewPlan."""
    return lambda plan, _: replace(plan, **changes)


async def _lock(tx: Connection, ref: Ref) -> list[PlanRow]:
    """Every version, oldest first, kept from other writers until the transaction ends."""
    row = await find(tx, ref, "plan")
    await tx.fetch(sql("select id from plan where key = ? and version = 1", row.key) + tx.lock)
    versions = await PLANS.select(tx, sql("where key = ? order by version", row.key))
    if ref.id is not None and versions[-1].id != row.id:
        raise refuse(
            Code.CONFLICT,
            f"Version {row.version} is not the latest; versions are never rewritten. "
            "Refer to the plan by its key.",
            "plan",
        )
    return versions


async def _publish(
    tx: Connection,
    new: NewPlan,
    id: UUID,
    *,
    version: int,
    now: datetime,
    deactivated_at: datetime | None = None,
) -> None:
    await Plan.create(
        using_db=tx.client,
        id=id,
        version=version,
        created_at=now,
        deactivated_at=deactivated_at,
        **stored_plan(new),
    )
    keys = [component.metric for component in new.components if component.metric is not None]
    metrics = {row.key: row.id for row in await METRICS.by(tx, "key", keys)}
    rows = [
        PriceComponent(
            id=new_id(),
            plan_id=id,
            metric_id=metrics[component.metric] if component.metric else None,
            **stored_component(position, component),
        )
        for position, component in enumerate(new.components)
    ]
    await PriceComponent.bulk_create(rows, using_db=tx.client)


async def _problems(connection: Connection, new: NewPlan) -> Problems:
    problems = Problems()
    check_plan(problems, stored_plan(new))
    await check_components(connection, problems, new.components)
    return problems
