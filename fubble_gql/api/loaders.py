"""Reads of one request, batched: one statement for each relation level."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime
from typing import Any, NamedTuple, TypeVar, cast
from uuid import UUID

from strawberry.dataloader import DataLoader, DefaultCache

from fubble_gql.billing import cost_series, evidence, preview, usage_report, what_if
from fubble_gql.billing.held import HeldRow, held_periods
from fubble_gql.billing.invoice_rows import INVOICES, InvoiceLineRow, InvoiceRow, lines_of
from fubble_gql.billing.life import Life
from fubble_gql.billing.pieces import Need
from fubble_gql.billing.points import SHOWN_MAX, Room, too_many_shown
from fubble_gql.billing.preview import Preview
from fubble_gql.billing.prices import Prices, prices_of
from fubble_gql.billing.rows import (
    SUBSCRIPTIONS,
    CommitmentRow,
    PhaseRow,
    SubscriptionRow,
    commitments_of,
    phases_of,
)
from fubble_gql.billing.verify import Verification, verify
from fubble_gql.catalog.rows import COMPONENTS, METRICS, PLANS, ComponentRow, MetricRow, PlanRow
from fubble_gql.credits import ledger
from fubble_gql.credits.rows import CREDIT_TRANSACTIONS, CreditTransactionRow
from fubble_gql.customers.store import CUSTOMERS, CustomerRow
from fubble_gql.db import pages
from fubble_gql.db.connection import Connection
from fubble_gql.db.pages import Order, Slice, Window
from fubble_gql.db.rows import R, Table
from fubble_gql.db.sql import Sql, sql
from fubble_gql.errors import Refused
from fubble_gql.pricing.credit import Grant

K = TypeVar("K")
V = TypeVar("V")


class Relation(NamedTuple):
    """The children of a parent: their table, the column that refers to it, their order, a filter."""

    table: Table[Any]
    column: str
    order: Order
    where: Sql


class Loaders:
    """A loader for each way of reading, made when it is first used."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._by_key: dict[object, DataLoader[Any, Any]] = {}
        self._lives: dict[UUID, Life] = {}
        self._points = 0
        self._room = Room()

    def stop(self) -> None:
        """End what is being read: whoever waited for it has been answered."""
        for loader in self._by_key.values():
            waiting = cast(DefaultCache[Any, Any], loader.cache_map).cache_map
            for future in list(waiting.values()):
                future.cancel()

    def show_points(self, count: int) -> None:
        """Points of a series are about to be shown. Raises Refused where there are too many in all.

        How many a series has is known from its period alone, and so is no part of a document's cost.
        """
        self._points += count
        if self._points > SHOWN_MAX:
            raise too_many_shown()

    def know(self, life: Life) -> None:
        """Show a subscription as a write made it, even where that was a dry run."""
        self._lives[life.subscription.id] = life

    async def customer(self, id: UUID) -> CustomerRow | None:
        """A customer by id."""
        return await self._row(CUSTOMERS, id)

    async def metric(self, id: UUID) -> MetricRow | None:
        """A metric by id."""
        return await self._row(METRICS, id)

    async def metrics_named(self, keys: Sequence[str]) -> list[MetricRow]:
        """The metrics that there are under these keys."""

        async def read(wanted: list[str]) -> list[MetricRow | None]:
            rows = {row.key: row for row in await METRICS.by(self._connection, "key", wanted)}
            return [rows.get(key) for key in wanted]

        found = await asyncio.gather(*(self._load("metric keys", read, key) for key in keys))
        return [row for row in found if row is not None]

    async def plan(self, id: UUID) -> PlanRow | None:
        """A plan version by id."""
        return await self._row(PLANS, id)

    async def latest_plan(self, key: str) -> PlanRow | None:
        """The latest version of a plan."""

        async def read(keys: list[str]) -> list[PlanRow | None]:
            where = sql("where superseded_at is null and") + self._connection.is_in("key", keys)
            rows = {row.key: row for row in await PLANS.select(self._connection, where)}
            return [rows.get(key) for key in keys]

        return await self._load("plan keys", read, key)

    async def component(self, id: UUID) -> ComponentRow | None:
        """A price component by id."""
        return await self._row(COMPONENTS, id)

    async def subscription(self, id: UUID) -> SubscriptionRow | None:
        """A subscription by id."""
        if (life := self._lives.get(id)) is not None:
            return life.subscription
        return await self._row(SUBSCRIPTIONS, id)

    async def components(self, plan_id: UUID) -> list[ComponentRow]:
        """A plan version's components, in their order."""

        async def read(ids: list[UUID]) -> list[list[ComponentRow]]:
            rows = await COMPONENTS.by(self._connection, "plan_id", ids)
            rows.sort(key=lambda row: row.position)
            return [[row for row in rows if row.plan_id == id] for id in ids]

        return await self._load("components", read, plan_id)

    async def priced(self, plan: PlanRow) -> Prices:
        """A plan version's terms, with their metrics."""

        async def read(plans: list[PlanRow]) -> list[Prices]:
            prices = await prices_of(self._connection, plans)
            return [prices.of_plan(one.id) for one in plans]

        return await self._load("priced", read, plan)

    async def phases(self, subscription_id: UUID) -> list[PhaseRow]:
        """A subscription's phases, the earliest first."""
        if (life := self._lives.get(subscription_id)) is not None:
            return list(life.phases)

        async def read(ids: list[UUID]) -> list[list[PhaseRow]]:
            found = await phases_of(self._connection, ids)
            return [found[id] for id in ids]

        return await self._load("phases", read, subscription_id)

    async def commitments(self, subscription_id: UUID) -> list[CommitmentRow]:
        """A subscription's commitments that ever held, the earliest first."""

        async def read(ids: list[UUID]) -> list[list[CommitmentRow]]:
            found = await commitments_of(self._connection, ids)
            return [found[id] for id in ids]

        return await self._load("commitments", read, subscription_id)

    async def invoice(self, id: UUID) -> InvoiceRow | None:
        """An invoice by id."""
        return await self._row(INVOICES, id)

    async def invoice_lines(self, invoice_id: UUID) -> list[InvoiceLineRow]:
        """An invoice's lines, in their order."""

        async def read(ids: list[UUID]) -> list[list[InvoiceLineRow]]:
            found = await lines_of(self._connection, ids)
            return [found[id] for id in ids]

        return await self._load("invoice lines", read, invoice_id)

    async def held_periods(self, subscription_id: UUID) -> list[HeldRow]:
        """The billing periods of a subscription that invoices hold, the earliest first."""

        async def read(ids: list[UUID]) -> list[list[HeldRow]]:
            found = await held_periods(self._connection, ids)
            return [found[id] for id in ids]

        return await self._load("held periods", read, subscription_id)

    async def verification(self, invoice_id: UUID) -> Verification | None:
        """An invoice rated again; None for one that was never finalised."""

        async def read(ids: list[UUID]) -> list[Verification | None]:
            rows = await INVOICES.by(self._connection, "id", ids)
            found = await verify(self._connection, rows)
            return [found.get(id) for id in ids]

        return await self._load("verification", read, invoice_id)

    async def needs_of(self, line: evidence.OnInvoice) -> list[Need]:
        """The usage that an invoice's line was rated from."""

        async def read(lines: list[evidence.OnInvoice]) -> list[list[Need]]:
            return await evidence.needs_of(self._connection, lines)

        return await self._load("needs", read, line)

    async def credit_transactions(self, grant_id: UUID) -> list[CreditTransactionRow]:
        """A grant's entries, in their order."""

        async def read(ids: list[UUID]) -> list[list[CreditTransactionRow]]:
            found: dict[UUID, list[CreditTransactionRow]] = {id: [] for id in ids}
            rows = await CREDIT_TRANSACTIONS.by(self._connection, "grant_id", ids)
            for row in sorted(rows, key=lambda row: row.position):
                found[row.grant_id].append(row)
            return [found[id] for id in ids]

        return await self._load("credit transactions", read, grant_id)

    async def spendable(self, customer_id: UUID, at: datetime) -> list[Grant]:
        """The credit that a customer can spend at an instant."""

        async def read(ids: list[UUID]) -> list[list[Grant]]:
            found = await ledger.spendable(self._connection, ids, at)
            return [found[id] for id in ids]

        return await self._load(("spendable", at), read, customer_id)

    async def page(self, relation: Relation, window: Window, parent: UUID) -> Slice[Any]:
        """One page of a parent's children."""

        async def read(ids: list[UUID]) -> list[Slice[Any]]:
            found = await pages.pages(
                self._connection,
                relation.table,
                (relation.column, ids),
                relation.order,
                window,
                relation.where,
            )
            return [found[id] for id in ids]

        return await self._load((relation, window), read, parent)

    async def page_where(
        self, table: Table[Any], order: Order, window: Window, where: Sql
    ) -> Slice[Any]:
        """One page of what meets a condition."""

        async def read(wheres: list[Sql]) -> list[Slice[Any]]:
            return await pages.page_each(self._connection, table, order, window, wheres)

        return await self._load((table.name, order, window), read, where)

    async def count(self, relation: Relation, parent: UUID) -> int:
        """How many children a parent has."""

        async def read(ids: list[UUID]) -> list[int]:
            found = await pages.counts(
                self._connection, relation.table, (relation.column, ids), relation.where
            )
            return [found[id] for id in ids]

        return await self._load(("count", relation), read, parent)

    async def preview(self, asked: preview.Asked) -> preview.Preview:
        """A bill; raises Refused for the one that has none, and its siblings still answer."""

        async def read(all_asked: list[preview.Asked]) -> list[preview.Preview | Refused]:
            return await preview.preview(self._connection, all_asked, self._room)

        return await self._load("preview", read, asked)

    async def what_if(self, supposed: what_if.Supposed) -> Preview:
        """A bill on another plan; raises Refused for the one that has none."""

        async def read(all_supposed: list[what_if.Supposed]) -> list[Preview | Refused]:
            return await what_if.what_if(self._connection, all_supposed, self._room)

        return await self._load("what if", read, supposed)

    async def cost_series(self, asked: cost_series.Asked) -> cost_series.CostSeries:
        """A subscription's days; raises Refused for the one that has none."""

        async def read(
            all_asked: list[cost_series.Asked],
        ) -> list[cost_series.CostSeries | Refused]:
            return await cost_series.cost_series(self._connection, all_asked, self._room)

        return await self._load("cost series", read, asked)

    async def usage(self, question: usage_report.Question) -> list[usage_report.Report]:
        """Usage; raises Refused for the question that cannot be answered."""

        async def read(
            questions: list[usage_report.Question],
        ) -> list[list[usage_report.Report] | Refused]:
            return await usage_report.report(self._connection, questions, self._room)

        return await self._load("usage", read, question)

    async def _row(self, table: Table[R], id: UUID) -> R | None:
        async def read(ids: list[UUID]) -> list[R | None]:
            found = {row[0]: row for row in await table.by(self._connection, "id", ids)}
            return [found.get(id) for id in ids]

        return await self._load(table.name, read, id)

    def _load(
        self,
        key: object,
        read: Callable[[list[K]], Awaitable[Sequence[V | BaseException]]],
        asked: K,
    ) -> Awaitable[V]:
        loader = self._by_key.get(key)
        if loader is None:
            loader = self._by_key[key] = DataLoader(load_fn=read)
        # Callers share what they wait for. An error elsewhere in the document cancels some of them,
        # which must not cancel it for the others.
        found = asyncio.ensure_future(loader.load(asked))
        found.add_done_callback(_told)
        return asyncio.shield(found)


def _told(found: asyncio.Future[Any]) -> None:
    """Whoever still waits hears what went wrong; where all left, nobody is to."""
    if not found.cancelled():
        found.exception()
