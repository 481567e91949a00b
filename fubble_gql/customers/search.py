"""Finding customers: which ones, in which order."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from fubble_gql.db.pages import Order
from fubble_gql.db.sql import Sql, all_of, contains, sql


class OrderField(StrEnum):
    """What customers can be ordered by."""

    CREATED_AT = "CREATED_AT"
    NAME = "NAME"
    KEY = "KEY"


_COLUMNS = {
    OrderField.CREATED_AT: ("created_at", "id"),
    OrderField.NAME: ("name", "id"),
    OrderField.KEY: ("key", "id"),
}


def order_by(field: OrderField, *, descending: bool) -> Order:
    """A total order: equal ones are ordered by id."""
    return Order(_COLUMNS[field], descending)


@dataclass(frozen=True, slots=True)
class CustomerSearch:
    """Which customers are wanted; what is None does not matter."""

    text: str | None = None
    is_archived: bool | None = None
    plan_key: str | None = None
    created_after: datetime | None = None
    created_before: datetime | None = None

    def conditions(self, now: datetime) -> Sql:
        """For a WHERE on customer. `plan_key` means a subscription that runs on it at `now`."""
        wanted = []
        if self.text:
            wanted.append(contains(self.text, "key", "name", "email", "company_name"))
        if self.is_archived is not None:
            wanted.append(sql(f"archived_at is {'not ' * self.is_archived}null"))
        if self.created_after is not None:
            wanted.append(sql("created_at > ?", self.created_after))
        if self.created_before is not None:
            wanted.append(sql("created_at < ?", self.created_before))
        if self.plan_key is not None:
            wanted.append(_is_on_plan(self.plan_key, now))
        return all_of(wanted)


def _is_on_plan(key: str, now: datetime) -> Sql:
    """The latest phase that has begun is on some version of the plan, and has not ended."""
    return sql(
        "exists (select 1 from plan_subscription s "
        "join subscription_phase p on p.subscription_id = s.id join plan v on v.id = p.plan_id "
        "where s.customer_id = customer.id and v.key = ? and p.start_at <= ? "
        "and (s.end_at is null or s.end_at > ?) and not exists (select 1 "
        "from subscription_phase later where later.subscription_id = s.id "
        "and later.start_at > p.start_at and later.start_at <= ?))",
        key,
        now,
        now,
        now,
    )
