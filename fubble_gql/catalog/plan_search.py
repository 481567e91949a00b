"""Finding plans: which versions."""

from __future__ import annotations

from dataclasses import dataclass

from fubble_gql.db.sql import Sql, all_of, contains, sql


@dataclass(frozen=True, slots=True)
class PlanSearch:
    """Which plans are wanted; what is None does not matter."""

    search: str | None = None
    is_active: bool | None = None
    all_versions: bool = False

    def conditions(self) -> Sql:
        """For a WHERE on plan."""
        wanted = []
        if not self.all_versions:
            wanted.append(sql("superseded_at is null"))
        if self.search:
            wanted.append(contains(self.search, "key", "name"))
        if self.is_active is not None:
            wanted.append(sql(f"deactivated_at is {'' if self.is_active else 'not '}null"))
        return all_of(wanted)
