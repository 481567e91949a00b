"""How each metric is used on a day: how often, how much, when, with which properties.

Everything is drawn in whole numbers; a quantity is one of them with its point moved.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import date, time
from decimal import Decimal
from random import Random
from typing import NamedTuple

from fubble_gql.demo.plans import in_minor_unit
from fubble_gql.pricing.money import minor_unit_places

Properties = dict[str, object]
Draw = Callable[[Random, int], Properties]


class Use(NamedTuple):
    """One use of a metric, at a local time of its day."""

    at: time
    quantity: Decimal | None
    properties: Properties | None


class Day(NamedTuple):
    """A company's local day, so many days after the demo's beginning."""

    date: date
    size: int
    currency: str
    age: int

    @property
    def is_weekend(self) -> bool:
        return self.date.weekday() >= 5


@dataclass(frozen=True, slots=True)
class Habit:
    """A few uses a day, around a quantity that grows with the company and with time."""

    times: int
    usual: int
    places: int = 0
    spread_percent: int = 30
    growth_percent: int = 25  # in 100 days
    weekend_percent: int = 35
    is_money: bool = False
    draw: Draw | None = None

    def uses(self, day: Day, random: Random) -> Iterator[Use]:
        for _ in range(self.times):
            level = self.usual * day.size * (100 + self.growth_percent * day.age // 100)
            jitter = 100 + random.randint(-self.spread_percent, self.spread_percent)
            weight = self.weekend_percent if day.is_weekend else 100
            whole = level * jitter * weight // 1_000_000
            places = self.places
            if self.is_money:
                whole, places = in_minor_unit(whole, day.currency), minor_unit_places(day.currency)
            properties = self.draw(random, day.size) if self.draw else None
            yield Use(_a_time(random), Decimal(whole).scaleb(-places), properties)


@dataclass(frozen=True, slots=True)
class Visits:
    """Single uses, which say only that they were: more of them the larger the company is.

    Of so many occasions, one in `rarity` is used.
    """

    most: int
    draw: Draw
    rarity: int = 1

    def uses(self, day: Day, random: Random) -> Iterator[Use]:
        most = self.most + day.size + day.age // 40
        for _ in range(random.randint(0, 1 if day.is_weekend else most) // self.rarity):
            yield Use(_a_time(random), None, self.draw(random, day.size))


@dataclass(frozen=True, slots=True)
class Shift:
    """So many are started in the morning and stopped in the evening."""

    usual: int

    def uses(self, day: Day, random: Random) -> Iterator[Use]:
        started = 1 if day.is_weekend else self.usual * day.size + random.randint(0, 2)
        yield Use(time(7, random.randint(0, 59)), Decimal(started), None)
        yield Use(time(19, random.randint(0, 59)), Decimal(-started), None)


# Most of it in office hours, some in the evening, little at night.
_HOURS = (*range(24), *range(7, 22), *range(9, 18), *range(9, 18), 10, 11, 14, 15)


def _a_time(random: Random) -> time:
    hour = _HOURS[random.randrange(len(_HOURS))]
    return time(hour, random.randint(0, 59), random.randint(0, 59), random.randint(0, 999_999))


def _one_of(**values: tuple[str | int, ...]) -> Draw:
    """Each property takes one of its values; one that is named twice comes twice as often."""

    def draw(random: Random, _size: int) -> Properties:
        return {name: among[random.randrange(len(among))] for name, among in values.items()}

    return draw


def _someone(draw: Draw, users: int) -> Draw:
    """And one of the company's users."""

    def draw_both(random: Random, size: int) -> Properties:
        return {**draw(random, size), "user": f"user-{random.randint(1, users * size):04}"}

    return draw_both


_REGION = _one_of(region=("eu", "eu", "us", "us", "us", "apac"))
_MODEL = _one_of(model=("small", "small", "large"))

# A level is read at the weekend as on any day: weekend_percent=100.
HABITS: dict[str, Habit | Visits | Shift] = {
    "api_calls": Habit(3, 4_000, draw=_one_of(endpoint=("search", "search", "ingest", "export"))),
    "input_tokens": Habit(2, 180_000, draw=_MODEL),
    "output_tokens": Habit(2, 40_000, draw=_MODEL),
    "payments": Habit(3, 4_200, spread_percent=80, is_money=True),
    "messages_sent": Visits(2, _one_of(channel=("email", "email", "sms"))),
    "active_users": Visits(3, _someone(_one_of(), 12)),
    "instances": Shift(2),
    "seats": Habit(1, 4, spread_percent=0, weekend_percent=100),
    "connections": Habit(2, 110, spread_percent=60, weekend_percent=60),
    "replicas": Habit(1, 3, spread_percent=20, growth_percent=0, weekend_percent=100),
    "queue_depth": Habit(2, 600, places=1, spread_percent=70),
    "bandwidth_mbps": Habit(3, 180, places=1, spread_percent=90),
    "storage_gb": Habit(1, 40_000, places=3, spread_percent=3, weekend_percent=100),
    "compute_seconds": Habit(2, 5_400, spread_percent=60),
    "transfer_gb": Habit(
        3,
        9_500,
        places=3,
        draw=_one_of(region=("eu", "eu", "us", "us", "apac"), **{"class": ("standard", "premium")}),
    ),
    "gpu_hours": Habit(
        1, 150, places=2, spread_percent=80, draw=_one_of(gpus=(1, 1, 2, 4, 8), priority=(0, 0, 1))
    ),
    "support_tickets": Visits(2, _one_of(severity=("question", "question", "problem")), rarity=4),
    "largest_index_gb": Habit(1, 240, places=1, weekend_percent=100, draw=_REGION),
    "regional_users": Visits(4, _someone(_REGION, 25)),
}
