"""Arguments reach a field's function as without plans, however they are given."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import pytest
import strawberry
from strawberry import UNSET, Maybe

from fubble_gql.reads.execution import compiled


@strawberry.type
class Query:
    """Fields that tell what they were called with."""

    @strawberry.field
    async def plain(self, an_id: strawberry.ID | None = UNSET, size: int | None = UNSET) -> str:
        """Neither has a default that clients know of."""
        return repr((an_id, size))

    @strawberry.field
    async def instant(self, at: datetime | None = UNSET) -> str:
        """A scalar that is read into something else."""
        return repr(at)

    @strawberry.field
    async def preset(self, name: str | None = "preset") -> str:
        """With a default."""
        return repr(name)

    @strawberry.field
    async def perhaps(self, name: Maybe[str | None]) -> str:
        """Null and absent are told apart."""
        return repr(name)

    @strawberry.field
    async def needed(self, name: str) -> str:
        """It must be given."""
        return repr(name)


DOCUMENTS = [
    "query ($id: ID, $size: Int) { plain(anId: $id, size: $size) }",
    "query ($id: ID! = 7) { plain(anId: $id) }",
    "query ($size: Int = 3) { plain(size: $size) }",
    "query ($size: Int) { plain(size: $size, anId: 5) }",
    "query ($at: DateTime) { instant(at: $at) }",
    "query ($name: String) { preset(name: $name) }",
    "query ($name: String) { perhaps(name: $name) }",
    'query ($name: String! = "x") { needed(name: $name) }',
]
GIVEN: list[dict[str, Any]] = [
    {},
    {"id": "a", "size": 1, "name": "n", "at": "2026-01-01T00:00:00Z"},
    {"id": 5, "size": 0, "name": "", "at": "2026-01-01T01:00:00+01:00"},
    {"id": None, "size": None, "name": None, "at": None},
]


@pytest.mark.parametrize("document", DOCUMENTS)
async def test_the_same_as_without_plans(document: str, monkeypatch: pytest.MonkeyPatch) -> None:
    by_plan = []
    execution = compiled(lambda _: None)
    run = execution._by

    async def counted(*asked: Any) -> Any:  # noqa: ANN401
        by_plan.append(asked)
        return await run(*asked)

    monkeypatch.setattr(execution, "_by", staticmethod(counted))
    stock = strawberry.Schema(Query)
    ours = strawberry.Schema(Query, execution_context_class=execution)
    for variables in GIVEN:
        answers = [await one.execute(document, variables) for one in (stock, ours)]
        first, second = [(one.data, [*map(str, one.errors or ())]) for one in answers]
        assert first == second
    assert by_plan
