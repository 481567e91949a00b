"""Columns that keep a promise alike on both databases: exact decimals, UTC instants, exact JSON."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from pypika_tortoise.terms import Term
from tortoise import fields

from fubble_gql.db import exact_json
from fubble_gql.pricing.money import tidy

KEY_LENGTH_MAX = 255


class ExactDecimal(fields.DecimalField[Decimal]):
    """NUMERIC(38,18): 20 digits before the point, 18 after. On SQLite text ordered as a number."""

    def __init__(self, **kwargs: Any) -> None:
        kwargs.pop("max_digits", None)
        kwargs.pop("decimal_places", None)
        super().__init__(max_digits=38, decimal_places=18, **kwargs)

    class _db_sqlite:  # noqa: N801 - Tortoise looks it up by this name
        SQL_TYPE = "TEXT COLLATE DECIMAL"

        def function_cast(self, term: Term) -> Term:
            return term

    def to_python_value(self, value: Any) -> Decimal | None:
        """The number without the padding zeros of the column."""
        return None if value is None else tidy(Decimal(value))


class Instant(fields.DatetimeField[datetime]):
    """A UTC instant; a naive one is refused, another offset is converted before it is compared."""

    def to_db_value(self, value: Any, instance: Any) -> Any:
        """Convert to UTC: SQLite compares instants as text."""
        if isinstance(value, datetime):
            if value.tzinfo is None:
                raise ValueError("An instant needs an offset.")
            value = value.astimezone(UTC)
        return super().to_db_value(value, instance)


class ExactJson(fields.JSONField[Any]):
    """JSON (JSONB on PostgreSQL) in canonical spelling, with numbers as Decimals."""

    def __init__(self, **kwargs: Any) -> None:
        kwargs.pop("encoder", None)
        kwargs.pop("decoder", None)
        super().__init__(encoder=exact_json.dumps, decoder=exact_json.loads, **kwargs)
