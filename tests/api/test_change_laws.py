"""Changing to an identical plan changes nothing but how often amounts are rounded."""

from __future__ import annotations

from collections import defaultdict
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from itertools import count

from hypothesis import given, settings
from hypothesis import strategies as st

from fubble_gql.pricing.money import plain
from tests.api.builders import (
    MAY,
    Json,
    a_customer,
    a_metric,
    a_plan,
    a_subscription,
    event,
    fee,
    per_unit,
    preview,
    price,
    tiers,
    used,
)
from tests.api.changing import change
from tests.api.conftest import Api
from tests.pricing.strategies import PRICES

NUMBERS = count(1)
BEGIN = datetime(2026, 5, 1, tzinfo=UTC)
MONTH = timedelta(days=31)
MOMENTS = st.lists(
    st.timedeltas(timedelta(microseconds=1), MONTH - timedelta(microseconds=1)),
    min_size=1,
    max_size=3,
    unique=True,
).map(sorted)


@settings(max_examples=10)
@given(
    amounts=st.lists(PRICES, min_size=6, max_size=6),
    level=st.integers(1, 300),
    minimum=st.none() | PRICES,
    moments=MOMENTS,
)
async def test_fees_and_constant_levels_do_not_notice_a_change_to_an_identical_plan(
    api: Api,
    amounts: list[Decimal],
    level: int,
    minimum: Decimal | None,
    moments: list[timedelta],
) -> None:
    prefix = f"n{next(NUMBERS)}"
    await metrics(api)
    for plan in ("a", "b"):
        bounds = {} if minimum is None else {"minimum": plain(minimum)}
        await a_plan(api, *components(amounts), key=prefix + plan, **bounds)
    stays, goes = f"{prefix}-stays", f"{prefix}-goes"
    api.clock.now = BEGIN
    for customer in (stays, goes):
        await a_customer(api, customer)
    await a_subscription(api, stays, prefix + "a")
    subscription = await a_subscription(api, goes, prefix + "a")
    for number, moment in enumerate(moments):
        api.clock.now = BEGIN + moment
        await change(api, subscription, prefix + "ba"[number % 2])
    api.clock.now = BEGIN + 2 * MONTH
    for customer in (stays, goes):
        instants = [BEGIN, *(BEGIN + moment for moment in moments)]
        await used(api, *(one for at in instants for one in levels(customer, level, at)))

    before = sums(await preview(api, stays, period=MAY))
    after = sums(await preview(api, goes, period=MAY))

    pieces = len(moments) + 1
    assert before.keys() == after.keys()
    for key, amount in before.items():
        assert abs(after[key] - amount) <= Decimal("0.01") * pieces, key


async def metrics(api: Api) -> None:
    """A level that is read, a level that is held, and one that counts members."""
    await a_metric(api, "seats", type="GAUGE", aggregation="MAX")
    await a_metric(api, "storage", type="GAUGE", aggregation="TIME_WEIGHTED")
    await a_metric(api, "users", aggregation="UNIQUE_COUNT", property="user")


def components(amounts: list[Decimal]) -> list[Json]:
    """Every kind of fee, and prices of each kind of level."""
    one, two, three, four, five, six = map(plain, amounts)
    table = tiers(("100", one, two), (None, three, four))
    base = {"baseFee": five, "includedUnits": "1000", "unitPrice": six}
    return [
        fee(one),
        fee(two, "setup", "flat"),
        fee(three, "least", minimum=four),
        fee(four, "most", maximum=three),
        price({"graduated": table}, "seats", "graduated"),
        price({"volume": table}, "seats", "volume"),
        price({"usageSubscription": base}, "users", "base"),
        per_unit(six, "storage", "held"),
        per_unit(five, "users", "members"),
    ]


def levels(customer: str, level: int, at: datetime) -> list[Json]:
    """The same level of everything, read anew."""
    given: Json = {"customer": customer, "eventTime": at.isoformat()}
    return [
        event(level, "seats", **given),
        event(level, "storage", **given),
        event(None, "users", properties={"user": "u"}, **given),
    ]


def sums(bill: Json) -> dict[str, Decimal]:
    """What each component came to with its bounds, and the plan's minimum."""
    found: dict[str, Decimal] = defaultdict(Decimal)
    for line in bill["lines"]:
        key = (line["component"] or {}).get("key", "plan")
        found[key] += Decimal(line["amount"]["amount"])
    found["plan"] += 0
    return found
