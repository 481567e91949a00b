"""Who is on which plan, since when and under which terms, told from when the demo was begun."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from decimal import Decimal
from itertools import count
from zoneinfo import ZoneInfo

from fubble_gql.billing.agreement import NewCommitment
from fubble_gql.billing.subscribe import NewSubscription
from fubble_gql.db.refs import Ref
from fubble_gql.demo.customers import COMPANIES, Company
from fubble_gql.demo.plans import CURRENCIES, NAMES, plan_key
from fubble_gql.pricing.period import Frequency, Schedule
from fubble_gql.pricing.wallclock import add_months, month_start

MONTHS = 3
# The starter plan got dearer this many days after the beginning: later customers pay more.
DEARER_AFTER = timedelta(days=45)

_TRIALING = ("quillwork-press", "wharfside-cafe")
_ENDED = "farpoint-logistics"
_SCHEDULED = "cinder-and-ash"
_SECOND_PLANS = {"aurora-analytics": "ai", "birkenau-software": "commerce"}
# So many calls a month at the plan's own price; more than that cost more.
_COMMITTED = {
    "meridian-grid": NewCommitment("api_calls", Decimal(1_200_000), overage_rate=Decimal("0.0005")),
}
# Companies whose plans change, from one that bills by the month to another.
_UPGRADED, _UPGRADED_AFTER = "costa-clara-viajes", timedelta(days=61, hours=9)
_UPGRADING = "isarblick-medien"


@dataclass(frozen=True, slots=True)
class Term:
    """A company on a plan, by its name, from its start until its end."""

    company: Company
    plan: str
    start: datetime
    end: datetime | None = None

    @property
    def subscription(self) -> NewSubscription:
        """What makes it, again and again the same."""
        return NewSubscription(
            customer=Ref(key=self.company.key),
            plan=Ref(key=plan_key(self.plan, self.company.currency)),
            start_at=self.start,
            end_at=self.end,
            commitments=[_COMMITTED[self.company.key]] if self.company.key in _COMMITTED else (),
            idempotency_key=f"demo/{self.company.key}/{self.plan}",
        )


@dataclass(frozen=True, slots=True)
class Change:
    """A company's step to another plan, asked for at an instant, in effect then or later."""

    term: Term
    plan: str
    asked_at: datetime
    starts_at: datetime

    @property
    def is_at_once(self) -> bool:
        """Whether the period that runs is cut by it."""
        return self.asked_at == self.starts_at


def beginning(begun_at: datetime) -> datetime:
    """When usage starts: the first of the month, three whole months before this one, in UTC."""
    return add_months(month_start(begun_at, ZoneInfo("UTC")), -MONTHS)


def terms(begun_at: datetime) -> list[Term]:
    """Every subscription, in the order in which they were made."""
    found = [term for company, plan in _first_plans() for term in _terms(company, plan, begun_at)]
    return sorted(found, key=lambda term: min(term.start, begun_at))


def changes(begun_at: datetime) -> list[Change]:
    """One in the middle of a period that is over, and one that is still to come."""
    first = {term.company.key: term for term in reversed(terms(begun_at))}
    upgraded, upgrading = first[_UPGRADED], first[_UPGRADING]
    then = beginning(begun_at) + _UPGRADED_AFTER
    schedule = Schedule(upgrading.start, Frequency.MONTHLY, upgrading.company.timezone)
    return [
        Change(upgraded, "team", then, then),
        Change(upgrading, "network", begun_at, schedule.period_at(begun_at).end),
    ]


def stints(begun_at: datetime) -> list[Term]:
    """The terms, each cut in two where its plan changes."""
    found = {change.term: change for change in changes(begun_at)}
    return [
        stint
        for term in terms(begun_at)
        for stint in (_cut(term, found[term]) if term in found else (term,))
    ]


def _cut(term: Term, change: Change) -> tuple[Term, Term]:
    before = replace(term, end=change.starts_at)
    return before, replace(term, plan=change.plan, start=change.starts_at)


def _first_plans() -> Iterator[tuple[Company, str]]:
    """Each currency's companies take the plans in turn, so that each plan has customers in each."""
    turns = {currency: count(1) for currency in CURRENCIES}
    for company in COMPANIES:
        turn = next(turns[company.currency])
        is_new = company.key in (*_TRIALING, _SCHEDULED)
        yield company, "starter" if is_new else NAMES[turn % len(NAMES)]


def _terms(company: Company, plan: str, begun_at: datetime) -> Iterator[Term]:
    start = _start(company, begun_at)
    end = _local_midnight(company, begun_at - timedelta(days=30))
    yield Term(company, plan, start, end if company.key == _ENDED else None)
    if company.key in _SECOND_PLANS:
        yield Term(company, _SECOND_PLANS[company.key], start + timedelta(days=9))
    if company.key == _SCHEDULED:
        next_month = _local_midnight(company, begun_at + timedelta(days=20))
        yield Term(company, "network", next_month)


def _start(company: Company, begun_at: datetime) -> datetime:
    """Two of three companies were there from the beginning, the others came one by one."""
    if company.key in _TRIALING:
        return _local_midnight(company, begun_at - timedelta(days=4))
    place = COMPANIES.index(company)
    days = place + 3 if place % 3 == 2 else 0
    return _local_midnight(company, beginning(begun_at) + timedelta(days=1 + days))


def _local_midnight(company: Company, instant: datetime) -> datetime:
    """The start of the company's local day."""
    local = instant.astimezone(ZoneInfo(company.timezone))
    return local.replace(hour=0, minute=0, second=0, microsecond=0).astimezone(instant.tzinfo)
