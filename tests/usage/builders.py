"""Customers, metrics and subscriptions to record usage for, made with the least said."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from decimal import Decimal
from uuid import UUID, uuid4

from fubble_gql.billing.models import PlanSubscription
from fubble_gql.catalog.kinds import VALID, MetricType
from fubble_gql.catalog.models import Metric
from fubble_gql.catalog.rows import METRICS, MetricRow
from fubble_gql.customers.models import Customer
from fubble_gql.db.connection import Connection
from fubble_gql.db.refs import Ref
from fubble_gql.db.sql import sql
from fubble_gql.usage import void as voiding
from fubble_gql.usage.events import USAGE_EVENTS, UsageEventRow
from fubble_gql.usage.ingest import NewEvent, Receipt, ReceiptStatus, record
from fubble_gql.usage.store import store_of

NOW = datetime(2026, 6, 15, 12, tzinfo=UTC)


def at(text: str) -> datetime:
    """A UTC instant: at("2026-06-01 08:30")."""
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def clock_at(instant: datetime) -> Callable[[], datetime]:
    """A clock that stands still."""
    return lambda: instant


async def make_customer(db: Connection, key: str = "acme", *, archived: bool = False) -> UUID:
    """A customer; its id."""
    customer = await Customer.create(
        using_db=db.client,
        id=uuid4(),
        key=key,
        name=key.title(),
        currency="USD",
        timezone="UTC",
        metadata={},
        created_at=NOW,
        updated_at=NOW,
        archived_at=NOW if archived else None,
    )
    return customer.id


async def make_metric(
    db: Connection, key: str = "calls", kind: str = "COUNTER", aggregation: str = "", **more: object
) -> MetricRow:
    """A metric as a row; the aggregation is the type's default."""
    valid = VALID[MetricType(kind)]
    values = {"dimensions": [], "archived_at": None, **more}
    metric = await Metric.create(
        using_db=db.client,
        id=uuid4(),
        key=key,
        display_name=key.title(),
        type=kind,
        aggregation=aggregation or (str(valid[0]) if valid else None),
        created_at=NOW,
        **values,
    )
    return (await METRICS.by(db, "id", [metric.id]))[0]


def dimensions(**kinds: str) -> list[dict[str, str]]:
    """dimensions(region="STRING", size="NUMBER")."""
    return [{"property": name, "kind": kind} for name, kind in kinds.items()]


async def make_subscription(db: Connection, customer_id: UUID) -> UUID:
    """A subscription of the customer; its id."""
    subscription = await PlanSubscription.create(
        using_db=db.client,
        id=uuid4(),
        customer_id=customer_id,
        timezone="UTC",
        start_at=NOW,
        created_at=NOW,
    )
    return subscription.id


def new_event(key: str = "k1", quantity: str | None = "1", **more: object) -> NewEvent:
    """An event of acme's calls."""
    amount = None if quantity is None else Decimal(quantity)
    values = {"customer": "acme", "metric": "calls", **more}
    return NewEvent(idempotency_key=key, quantity=amount, **values)  # type: ignore[arg-type]


async def send(db: Connection, *events: NewEvent, now: datetime = NOW) -> list[Receipt]:
    """Record them."""
    return await record(db, events, clock_at(now))


async def accepted(db: Connection, *events: NewEvent, now: datetime = NOW) -> None:
    """Record them, and be sure that each of them counts."""
    for receipt in await send(db, *events, now=now):
        assert receipt.status is ReceiptStatus.ACCEPTED, receipt


async def stored(db: Connection) -> list[UsageEventRow]:
    """All events, in the order of their ids."""
    return await USAGE_EVENTS.select(db, sql("order by id"))


async def void(db: Connection, key: str, voided_at: datetime, customer: str = "acme") -> None:
    """Void an event at that instant."""
    await voiding.void_one(db, Ref(key=customer), key, None, clock_at(voided_at))


async def finalise(
    db: Connection, customer: UUID, now: datetime, invoiced_until: datetime
) -> datetime:
    """What issuing an invoice does to the cut; the instant as of which it was issued."""

    async def work(tx: Connection) -> datetime:
        return await cut_off(tx, customer, now, invoiced_until)

    return await db.transaction(work)


async def cut_off(
    tx: Connection, customer: UUID, now: datetime, invoiced_until: datetime
) -> datetime:
    """The same inside a transaction."""
    store = store_of(tx)
    await store.hold_alone(tx, [customer])
    as_of = await store.known_until(tx, [customer], now)
    row = Customer.filter(id=customer).using_db(tx.client)
    await row.update(cut_at=as_of, invoiced_until=invoiced_until)
    return as_of


def statuses(receipts: Sequence[Receipt]) -> list[str]:
    """Only what became of them."""
    return [str(receipt.status) for receipt in receipts]
