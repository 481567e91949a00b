"""What a cell of an imported file says, read exactly and by the rules of the graph."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import ROUND_FLOOR, Decimal
from enum import StrEnum
from uuid import UUID
from zoneinfo import ZoneInfo

from graphql import GraphQLError

from fubble_gql.api.events_ahead import subscription_of
from fubble_gql.api.scalars import YEARS, parse_decimal, parse_instant
from fubble_gql.checks import is_storable
from fubble_gql.db import exact_json
from fubble_gql.pricing.wallclock import instant_of

# As the mutation takes them, and as databases and their exports write them: "+00", "+0530", " UTC".
_TIME = re.compile(
    r"(\d{4}-\d\d-\d\d[Tt ]\d\d:\d\d:\d\d)(?:\.(\d+))?"
    r"(?: ?(?:([Zz]|UTC)|([+-]\d\d)(?::?(\d\d))?))?",
    re.ASCII,
)
_MICROSECOND_DIGITS = 6
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_FINER = "is finer than a microsecond; --truncate-time cuts it there."


class Unfit(Exception):
    """A cell that says nothing; the message goes on after its column's name."""


class TimeFormat(StrEnum):
    """How times are written."""

    ISO = "iso"
    SECONDS = "seconds"
    MILLISECONDS = "milliseconds"


_MICROSECONDS = {TimeFormat.SECONDS: 1_000_000, TimeFormat.MILLISECONDS: 1_000}


def text(value: object) -> str:
    """A text; a whole number stands for its digits, as in JSON lines with numbers for keys."""
    if isinstance(value, str):
        # What can be printed can be stored, and is sooner told.
        if value.isprintable() or is_storable(value):
            return value
        raise Unfit("must be UTF-8, without NUL.")
    if isinstance(value, int) and not isinstance(value, bool):
        return str(value)
    raise Unfit("must be a text.")


def number(value: object) -> Decimal:
    """A quantity, exactly as the mutation reads it."""
    try:
        return parse_decimal(value)
    except GraphQLError as refused:
        raise Unfit(refused.message) from None


def anything(value: object) -> object:
    """What JSON holds as it is, and the text of CSV."""
    return value


def subscription(value: object) -> UUID:
    """The id of a subscription, as the graph shows it."""
    return subscription_of(text(value))


def json_object(value: object) -> dict[str, object]:
    """A JSON object, or its text."""
    found = value
    if isinstance(value, str):
        try:
            found = exact_json.loads(value)
        except (ValueError, ArithmeticError, RecursionError):
            found = None
    if not isinstance(found, dict):
        raise Unfit('must be a JSON object, as in {"region": "eu"}.')
    return found


@dataclass(frozen=True, slots=True)
class Times:
    """How times are read: those without an offset in the timezone, where there is one.

    Digits beyond the microsecond are cut where that is wanted; otherwise only zeros may stand there.
    """

    format: TimeFormat
    zone: ZoneInfo | None
    is_cut: bool

    def read(self, value: object) -> datetime:
        """The instant, in UTC."""
        try:
            if self.format is TimeFormat.ISO:
                return self._written(value)
            return self._counted(parse_decimal(value))
        except GraphQLError as refused:
            raise Unfit(refused.message) from None

    def _written(self, value: object) -> datetime:
        shape = _TIME.fullmatch(value) if isinstance(value, str) else None
        if shape is None:
            return parse_instant(value)
        wall, fraction, utc, hours, minutes = shape.groups()
        if fraction is not None:
            wall = f"{wall}.{self._microseconds(fraction)}"
        if hours is not None:
            return parse_instant(f"{wall}{hours}:{minutes or '00'}")
        if utc is not None:
            return parse_instant(f"{wall}Z")
        if self.zone is None:
            raise Unfit("has no offset; --timezone says where its clock was, as in --timezone UTC.")
        return instant_of(parse_instant(f"{wall}Z").replace(tzinfo=None), self.zone)

    def _microseconds(self, fraction: str) -> str:
        if fraction[_MICROSECOND_DIGITS:].strip("0") and not self.is_cut:
            raise Unfit(_FINER)
        return fraction[:_MICROSECOND_DIGITS]

    def _counted(self, since_1970: Decimal) -> datetime:
        exact = since_1970 * _MICROSECONDS[self.format]
        whole = exact.to_integral_value(ROUND_FLOOR)
        if whole != exact and not self.is_cut:
            raise Unfit(_FINER)
        try:
            instant = _EPOCH + timedelta(microseconds=int(whole))
        except OverflowError:
            instant = datetime.max.replace(tzinfo=UTC)
        if instant.year not in YEARS:
            raise Unfit(f"must lie between {YEARS[0]} and {YEARS[-1]}.")
        return instant
