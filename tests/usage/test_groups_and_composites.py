"""Usage by dimension values, and what formulas make of it."""

from __future__ import annotations

from decimal import Decimal
from uuid import UUID

from fubble_gql.db.connection import Connection
from fubble_gql.pricing.formula import FormulaFailed
from fubble_gql.pricing.period import Period
from fubble_gql.usage.aggregate import Measured, measure
from tests.usage.builders import (
    accepted,
    at,
    dimensions,
    make_customer,
    make_metric,
    new_event,
)
from tests.usage.measuring import JUNE, metrics_named, request, tell


async def make_grouped(db: Connection, kind: str = "COUNTER", aggregation: str = "SUM") -> UUID:
    """Acme's calls by region and size: 1 in eu/1, 10 in us/2, 100 in eu/2, 1000 in eu/1."""
    customer = await make_customer(db)
    dims = dimensions(region="STRING", size="NUMBER")
    await make_metric(db, "calls", kind, aggregation, dimensions=dims)
    combinations = [("eu", "1.0"), ("us", "2"), ("eu", "2"), ("eu", "1")]
    await accepted(
        db,
        *(
            new_event(
                f"k{n}",
                str(10**n),
                event_time=at(f"2026-06-0{n + 1}"),
                properties={"region": region, "size": Decimal(size)},
            )
            for n, (region, size) in enumerate(combinations)
        ),
    )
    return customer


async def grouped(db: Connection, customer: UUID, *group_by: str) -> list[Measured]:
    metric = (await metrics_named(db, "calls"))["calls"]
    [answer] = await measure(db, [request(customer, metric, group_by=group_by)], {})
    assert not isinstance(answer, FormulaFailed)
    return answer


async def test_groups_are_the_combinations_in_order(db: Connection) -> None:
    customer = await make_grouped(db)
    assert await grouped(db, customer, "size", "region") == [
        Measured(("1", "eu"), Decimal(1001), 2),
        Measured(("2", "eu"), Decimal(100), 1),
        Measured(("2", "us"), Decimal(10), 1),
    ]
    assert await grouped(db, customer, "region") == [
        Measured(("eu",), Decimal(1101), 3),
        Measured(("us",), Decimal(10), 1),
    ]


async def test_a_group_by_what_is_not_declared_has_no_value(db: Connection) -> None:
    customer = await make_grouped(db)
    assert await grouped(db, customer, "color") == [Measured((None,), Decimal(1111), 4)]


async def test_levels_are_carried_in_group_by_group(db: Connection) -> None:
    customer = await make_grouped(db, "GAUGE", "TIME_WEIGHTED")
    metric = (await metrics_named(db, "calls"))["calls"]
    july = Period(JUNE.end, at("2026-08-01"))
    [answer] = await measure(db, [request(customer, metric, july, group_by=["region"])], {})
    assert answer == [Measured(("eu",), Decimal(1000), 0), Measured(("us",), Decimal(10), 0)]


async def test_a_composite_is_computed_from_its_operands(db: Connection) -> None:
    customer = await make_grouped(db)
    await make_metric(db, "errors", dimensions=dimensions(region="STRING"))
    operands = await metrics_named(db, "calls", "errors")
    ratio = await make_metric(db, "ratio", "COMPOSITE", formula="errors / calls * 100")
    event = new_event(
        "e1", "4", metric="errors", event_time=at("2026-06-02"), properties={"region": "us"}
    )
    await accepted(db, event)
    asked = [request(customer, ratio), request(customer, ratio, group_by=["region"])]
    assert await measure(db, asked, operands) == [
        [Measured((), Decimal("0.360036003600360036"), 5)],
        [Measured(("eu",), Decimal(0), 3), Measured(("us",), Decimal(40), 2)],
    ]


async def test_a_formula_without_result_fails_its_request_alone(db: Connection) -> None:
    customer = await make_customer(db)
    calls = await make_metric(db)
    bad = await make_metric(db, "bad", "COMPOSITE", formula="1 / (calls - 5)")
    await tell(db, a="2026-06-02 | 5")
    empty = request(customer, bad, Period(at("2026-01-01"), at("2026-02-01")))
    asked = [request(customer, bad), request(customer, calls), empty]
    failed, fine, none = await measure(db, asked, {"calls": calls})
    assert isinstance(failed, FormulaFailed)
    assert failed.formula == "1 / (calls - 5)"
    assert fine == [Measured((), Decimal(5), 1)]
    assert none == [Measured((), Decimal(0), 0)]
