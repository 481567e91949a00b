"""A preview is what the raw events come to: recomputed here, for random plans and usage."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from itertools import count
from uuid import UUID

from hypothesis import given, settings
from hypothesis import strategies as st

from fubble_gql.pricing.bill import Bill, Component, Piece, Terms, rate_pieces
from fubble_gql.pricing.charge import Combination, Usage
from fubble_gql.pricing.money import plain
from fubble_gql.pricing.period import Period
from fubble_gql.pricing.rates import (
    Cell,
    Dimension,
    Matrix,
    Multiplier,
    Rate,
    dimensions_of,
    needs_metric,
)
from fubble_gql.pricing.rates.codec import encode
from tests.api.builders import (
    MAY,
    Json,
    a_customer,
    a_metric,
    a_plan,
    a_subscription,
    dimensions,
    event,
    preview,
    price,
    used,
)
from tests.api.conftest import Api
from tests.pricing.strategies import FEES, PRICES, SIGNED, USAGE_RATES, decimals

NUMBERS = count(1)
MAY_WHOLE = Period(datetime(2026, 5, 1, tzinfo=UTC), datetime(2026, 6, 1, tzinfo=UTC))

_CELLS = st.dictionaries(
    st.tuples(st.sampled_from(["eu", "us"]), st.sampled_from(["0", "1.5"])), PRICES
).map(lambda prices: tuple(Cell(values, one) for values, one in prices.items()))
RATES: st.SearchStrategy[Rate] = st.one_of(
    *FEES,
    *USAGE_RATES,
    st.builds(Dimension, PRICES, SIGNED.map(lambda one: (Multiplier("gpu", one),))),
    st.builds(Matrix, st.just(("region", "gpu")), _CELLS, PRICES),
)


@dataclass(frozen=True)
class Used:
    """An event, as far as it decides amounts."""

    quantity: Decimal
    at: datetime
    region: str
    gpu: str


@dataclass(frozen=True)
class Priced:
    """A component: its rate and its bounds."""

    rate: Rate
    minimum: Decimal | None
    maximum: Decimal | None


@st.composite
def components(draw: st.DrawFn) -> Priced:
    """A rate of any model, sometimes with bounds."""
    low, high = sorted(draw(st.tuples(PRICES, PRICES)))
    return Priced(
        draw(RATES),
        draw(st.sampled_from([None, low])),
        draw(st.sampled_from([None, high])),
    )


EVENTS = st.builds(
    Used,
    decimals(low=-50, high=500),
    st.integers(-10 * 24, 40 * 24).map(lambda hours: MAY_WHOLE.start + timedelta(hours=hours)),
    st.sampled_from(["eu", "us", "ap"]),
    st.sampled_from(["0", "1.5", "3"]),
)


@settings(max_examples=12)
@given(
    plan=st.lists(components(), min_size=1, max_size=5),
    minimum=st.none() | PRICES,
    events=st.lists(EVENTS, max_size=12),
    start_day=st.integers(0, 20),
)
async def test_a_preview_equals_what_the_raw_events_come_to(
    api: Api,
    plan: list[Priced],
    minimum: Decimal | None,
    events: list[Used],
    start_day: int,
) -> None:
    api.clock.set("2026-06-20T00:00:00+00:00")
    key = f"c{next(NUMBERS)}"
    await a_metric(api, "jobs", dimensions=dimensions(region="STRING", gpu="NUMBER"))
    await a_customer(api, key)
    await a_plan(
        api,
        *(as_input(n, one) for n, one in enumerate(plan)),
        key=key,
        minimum=None if minimum is None else plain(minimum),
    )
    start = MAY_WHOLE.start + timedelta(days=start_day)
    await a_subscription(
        api, key, key, startAt=start.isoformat(), billingAnchor=MAY_WHOLE.start.isoformat()
    )
    await used(api, *(as_event(key, one) for one in events))

    bill = await preview(api, key, period=MAY)

    expected = recomputed(plan, minimum, events, start)
    assert [Decimal(line["amount"]["amount"]) for line in bill["lines"]] == [
        line.amount for line in expected.lines
    ]
    assert Decimal(bill["total"]["amount"]) == expected.total


def recomputed(
    plan: Sequence[Priced], minimum: Decimal | None, events: Sequence[Used], start: datetime
) -> Bill:
    """The bill by pricing alone, from the events that lie in the piece."""
    terms = Terms(
        plan_id=UUID(int=0),
        name="Plan",
        currency="USD",
        components=tuple(
            Component(
                id=UUID(int=n + 1),
                key=f"k{n}",
                name=f"K{n}",
                rate=one.rate,
                metric_id=UUID(int=0) if needs_metric(one.rate) else None,
                minimum=one.minimum,
                maximum=one.maximum,
            )
            for n, one in enumerate(plan)
        ),
        minimum=minimum,
    )
    span = Period(start, MAY_WHOLE.end)
    inside = [one for one in events if span.contains(one.at)]
    usage = {one.id: usage_of(one.rate, inside) for one in terms.components}
    return rate_pieces("USD", [Piece(None, terms, span, MAY_WHOLE, usage)])


def usage_of(rate: Rate, events: Sequence[Used]) -> Usage:
    """Added up by hand, for each combination where these are priced."""
    found: dict[tuple[str, ...], list[Used]] = defaultdict(list)
    for one in events:
        found[tuple(str(getattr(one, name)) for name in dimensions_of(rate))].append(one)
    return Usage(
        quantity=sum((one.quantity for one in events), Decimal(0)),
        event_count=len(events),
        combinations=tuple(
            Combination(values, sum((one.quantity for one in group), Decimal(0)), len(group))
            for values, group in found.items()
        )
        if dimensions_of(rate)
        else (),
    )


def as_event(customer: str, one: Used) -> Json:
    """The event as it is sent."""
    return event(
        plain(one.quantity),
        "jobs",
        customer=customer,
        eventTime=one.at.isoformat(),
        properties={"region": one.region, "gpu": float(one.gpu)},
    )


def as_input(number: int, one: Priced) -> Json:
    """The component as it is sent."""
    stored = {**encode(one.rate)}
    model = camel(str(stored.pop("model")))
    return price(
        {model: camel_keys(stored)},
        "jobs" if needs_metric(one.rate) else None,
        f"k{number}",
        minimum=None if one.minimum is None else plain(one.minimum),
        maximum=None if one.maximum is None else plain(one.maximum),
    )


def camel_keys(value: object) -> object:
    """The same with names in camel case; the one variable of the formulas has no underscore."""
    if isinstance(value, list):
        return [camel_keys(item) for item in value]
    if isinstance(value, dict):
        return {camel(name): camel_keys(item) for name, item in value.items()}
    return value


def camel(name: str) -> str:
    """unit_price is unitPrice."""
    head, *rest = name.split("_")
    return head + "".join(word.capitalize() for word in rest)
