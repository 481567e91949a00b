"""Fields that only operators may ask for."""

from __future__ import annotations

from datetime import timedelta
from uuid import UUID

import pytest
import strawberry

from fubble_gql.api.context import Context, Viewer
from fubble_gql.api.enums import Role
from fubble_gql.api.errors import with_code
from fubble_gql.api.operators import operators_only
from tests.api.conftest import NOW, Api

RAN: list[str] = []


@strawberry.type
class Query:
    @operators_only
    def at_once(self) -> str:
        RAN.append("at once")
        return "seen"

    @operators_only
    async def in_time(self, first: int = 1) -> list[str]:
        RAN.append("in time")
        return ["seen"] * first


SCHEMA = strawberry.Schema(Query)
OPERATOR = Viewer(Role.OPERATOR, key_id="1")
CUSTOMER = Viewer(Role.PORTAL, customer_id=UUID(int=1), expires_at=NOW + timedelta(minutes=1))


@pytest.mark.parametrize("field", ["atOnce", "inTime(first: 1)"])
async def test_an_operator_is_answered(sqlite_api: Api, field: str) -> None:
    context = Context(sqlite_api.connection, sqlite_api.clock, OPERATOR)

    result = await SCHEMA.execute(f"{{ {field} }}", context_value=context)

    assert result.errors is None


@pytest.mark.parametrize("viewer", [CUSTOMER, None])
@pytest.mark.parametrize("field", ["atOnce", "inTime(first: 1)"])
async def test_nobody_else_is_and_nothing_runs(
    sqlite_api: Api, field: str, viewer: Viewer | None
) -> None:
    RAN.clear()
    context = Context(sqlite_api.connection, sqlite_api.clock, viewer)

    result = await SCHEMA.execute(f"{{ {field} }}", context_value=context)

    assert result.errors is not None
    coded = [with_code(error) for error in result.errors]
    assert [one.extensions["code"] for one in coded if one and one.extensions] == ["FORBIDDEN"]
    assert result.data is None
    assert RAN == []


def test_a_portals_viewer_is_somebodys_and_ends() -> None:
    for role, customer_id, expires_at in (
        (Role.PORTAL, None, NOW),
        (Role.PORTAL, UUID(int=1), None),
        (Role.OPERATOR, UUID(int=1), NOW),
    ):
        with pytest.raises(ValueError, match="one customer's"):
            Viewer(role, customer_id=customer_id, expires_at=expires_at)
