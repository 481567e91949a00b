"""The demo's plans: six, which together have every pricing model, in each currency."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal

from fubble_gql.catalog.components import NewComponent
from fubble_gql.catalog.new_plan import NewPlan
from fubble_gql.pricing.money import minor_unit_places
from fubble_gql.pricing.period import Frequency
from fubble_gql.pricing.rates import (
    Cell,
    Dimension,
    Dynamic,
    Flat,
    Graduated,
    Matrix,
    Multiplier,
    Package,
    Percentage,
    PerUnit,
    Rate,
    Subscription,
    Threshold,
    ThresholdMode,
    Thresholds,
    Tier,
    Time,
    TimeUnit,
    UsageSubscription,
    Volume,
)
from fubble_gql.pricing.rates.codec import encode

# What a price of 1 is in the currency: prices in euro have the digits of those in dollars.
_RATIO = {"USD": 1, "EUR": 1, "JPY": 150}
CURRENCIES = tuple(_RATIO)


@dataclass(frozen=True, slots=True)
class _Currency:
    """Turns the price list, written in dollars, into a currency's."""

    code: str

    def price(self, dollars: str) -> Decimal:
        return Decimal(dollars) * _RATIO[self.code]

    def tiers(self, *tiers: tuple[str | None, str, str]) -> tuple[Tier, ...]:
        """Of (up to, unit price, flat fee)."""
        return tuple(
            Tier(Decimal(up_to) if up_to else None, self.price(unit), self.price(fee))
            for up_to, unit, fee in tiers
        )

    def thresholds(self, **prices: str) -> tuple[Threshold, ...]:
        """Of from_100="50"."""
        return tuple(
            Threshold(Decimal(name.removeprefix("from_")), self.price(price))
            for name, price in prices.items()
        )

    def plan(
        self,
        name: str,
        components: Sequence[NewComponent],
        frequency: Frequency = Frequency.MONTHLY,
        trial_days: int = 0,
        minimum: str | None = None,
    ) -> NewPlan:
        return NewPlan(
            key=plan_key(name, self.code),
            name=name.title().replace("Ai", "AI"),
            description=_DESCRIPTIONS[name],
            currency=self.code,
            billing_frequency=frequency,
            trial_days=trial_days,
            minimum=self.price(minimum) if minimum else None,
            components=components,
        )


_DESCRIPTIONS = {
    "starter": "For a first project: a small fee and what is used, after two weeks for free.",
    "team": "For a company of people: seats, users, storage and support.",
    "ai": "For language models and the machines under them.",
    "commerce": "For shops: a share of each payment, billed by the week.",
    "network": "For traffic: by region and class, with a discount that grows with use.",
    "enterprise": "Billed by the quarter, with a minimum.",
}
NAMES = tuple(_DESCRIPTIONS)


def plan_key(name: str, currency: str) -> str:
    """As in starter-eur."""
    return f"{name}-{currency.lower()}"


def in_minor_unit(cents: int, currency: str) -> int:
    """An amount of US cents in the smallest coins of the currency, by the demo's rate."""
    cents_in_one: int = 10 ** (2 - minor_unit_places(currency))
    return cents * _RATIO[currency] // cents_in_one


def plans_in(currency: str) -> dict[str, NewPlan]:
    """The six plans in a currency, by name, as they were first published."""
    money = _Currency(currency)
    return {
        "starter": _starter(money, fee="29"),
        "team": _team(money),
        "ai": _ai(money),
        "commerce": _commerce(money),
        "network": _network(money),
        "enterprise": _enterprise(money),
    }


def dearer_starter(currency: str) -> NewPlan:
    """The second version of the starter plan."""
    return _starter(_Currency(currency), fee="35")


def _component(
    key: str, name: str, rate: Rate, metric: str | None = None, **bounds: Decimal
) -> NewComponent:
    return NewComponent(
        key=key,
        display_name=name,
        pricing=encode(rate),
        metric=metric,
        minimum=bounds.get("minimum"),
        maximum=bounds.get("maximum"),
    )


def _starter(money: _Currency, fee: str) -> NewPlan:
    calls = PerUnit(money.price("0.0004"), free_units=Decimal(10_000))
    messages = Package(size=Decimal(25), price=money.price("4"), free_units=Decimal(20))
    components = [
        _component("platform", "Platform", Flat(money.price(fee))),
        _component("calls", "API calls", calls, "api_calls"),
        _component("messages", "Messages", messages, "messages_sent"),
    ]
    return money.plan("starter", components, trial_days=14)


def _team(money: _Currency) -> NewPlan:
    seats = Graduated(money.tiers(("5", "12", "0"), ("20", "10", "15"), (None, "8", "40")))
    users = Volume(money.tiers(("50", "0.50", "0"), ("200", "0.40", "5"), (None, "0.25", "10")))
    support = Thresholds(
        thresholds=money.thresholds(from_5="40", from_15="90", from_30="150"),
        mode=ThresholdMode.HIGHEST,
    )
    storage = PerUnit(money.price("0.08"), free_units=Decimal(50))
    components = [
        _component("platform", "Platform", Subscription(money.price("49"))),
        _component("seats", "Seats", seats, "seats"),
        _component("users", "Active users", users, "active_users"),
        _component("storage", "Storage", storage, "storage_gb"),
        _component("support", "Support", support, "support_tickets"),
    ]
    return money.plan("team", components, minimum="99")


def _ai(money: _Currency) -> NewPlan:
    units = UsageSubscription(
        base_fee=money.price("199"),
        unit_price=money.price("0.004"),
        included_units=Decimal(20_000),
    )
    compute = Time(money.price("0.90"), rate_unit=TimeUnit.HOUR, metric_unit=TimeUnit.SECOND)
    gpus = Dimension(
        base_rate=money.price("0.60"),
        dimensions=(
            Multiplier("gpus", Decimal("0.9")),
            Multiplier("priority", Decimal("0.25")),
        ),
    )
    components = [
        _component("units", "AI units", units, "ai_units"),
        _component("compute", "Compute time", compute, "compute_seconds"),
        _component("gpus", "GPU jobs", gpus, "gpu_hours", maximum=money.price("2500")),
    ]
    return money.plan("ai", components)


def _commerce(money: _Currency) -> NewPlan:
    payments = Percentage(Decimal("2.9"), fixed_fee=money.price("0.30"), free_events=5)
    messages = PerUnit(money.price("0.02"))
    components = [
        _component("platform", "Platform", Subscription(money.price("19"))),
        _component("payments", "Payments", payments, "payments", minimum=money.price("10")),
        _component("messages", "Messages", messages, "messages_sent"),
    ]
    return money.plan("commerce", components, Frequency.WEEKLY)


def _network(money: _Currency) -> NewPlan:
    transfer = Matrix(
        properties=("region", "class"),
        cells=(
            Cell(("eu", "standard"), money.price("0.05")),
            Cell(("eu", "premium"), money.price("0.08")),
            Cell(("us", "standard"), money.price("0.04")),
            Cell(("us", "premium"), money.price("0.07")),
            Cell(("apac", "standard"), money.price("0.09")),
        ),
        default_unit_price=money.price("0.12"),
    )
    calls = Dynamic(
        base_rate=money.price("0.0005"),
        formula="base_rate * (1 - full_discount * min(quantity / full_quantity, 1))",
        variables={"full_discount": Decimal("0.4"), "full_quantity": Decimal(5_000_000)},
    )
    connections = Thresholds(
        thresholds=money.thresholds(from_100="20", from_500="60", from_2000="150"),
        mode=ThresholdMode.CUMULATIVE,
    )
    components = [
        _component("transfer", "Data transfer", transfer, "transfer_gb"),
        _component("calls", "API calls", calls, "api_calls"),
        _component("connections", "Peak connections", connections, "connections"),
        _component(
            "bandwidth", "Bandwidth", PerUnit(money.price("1.50"), Decimal(20)), "bandwidth_mbps"
        ),
        _component("instances", "Instances", PerUnit(money.price("14")), "instances"),
    ]
    return money.plan("network", components)


def _enterprise(money: _Currency) -> NewPlan:
    users = Volume(money.tiers(("100", "6", "0"), ("500", "5", "0"), (None, "4", "0")))
    components = [
        _component("contract", "Contract", Subscription(money.price("4200"))),
        _component("users", "Users by region", users, "regional_users"),
        _component("replicas", "Replicas", PerUnit(money.price("90")), "replicas"),
        _component("queue", "Queue", PerUnit(money.price("0.75"), Decimal(100)), "queue_depth"),
        _component("index", "Largest index", PerUnit(money.price("3")), "largest_index_gb"),
    ]
    return money.plan("enterprise", components, Frequency.QUARTERLY, minimum="4500")
