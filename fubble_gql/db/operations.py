"""Migration operations for promises that Tortoise's own cannot express."""

from __future__ import annotations

from collections.abc import Sequence

from tortoise.migrations.operations import TortoiseOperation
from tortoise.migrations.schema_editor.base import BaseSchemaEditor
from tortoise.migrations.schema_generator.state import State


class DialectSQL(TortoiseOperation):
    """Statements for each database, run one by one inside the migration's transaction.

    Checks, partial unique indexes and triggers go here: Tortoise drops the first two silently on
    a new table and splits the third at its semicolons.
    """

    reduces_to_sql = True

    def __init__(
        self,
        *,
        postgres: Sequence[str] = (),
        sqlite: Sequence[str] = (),
        reverse_postgres: Sequence[str] = (),
        reverse_sqlite: Sequence[str] = (),
    ) -> None:
        self.forward = {"postgres": postgres, "sqlite": sqlite}
        self.backward = {"postgres": reverse_postgres, "sqlite": reverse_sqlite}

    def describe(self) -> str:
        """What `tortoise history` prints."""
        return "Run SQL for each database"

    def state_forward(self, app_label: str, state: State) -> None:
        """Nothing that the models know of."""

    async def database_forward(
        self,
        app_label: str,  # noqa: ARG002
        old_state: State,  # noqa: ARG002
        new_state: State,  # noqa: ARG002
        state_editor: BaseSchemaEditor | None = None,
    ) -> None:
        """Apply."""
        await _run(state_editor, self.forward)

    async def database_backward(
        self,
        app_label: str,  # noqa: ARG002
        old_state: State,  # noqa: ARG002
        new_state: State,  # noqa: ARG002
        state_editor: BaseSchemaEditor | None = None,
    ) -> None:
        """Take back."""
        await _run(state_editor, self.backward)


async def _run(editor: BaseSchemaEditor | None, statements: dict[str, Sequence[str]]) -> None:
    if editor is None:
        return
    for statement in statements[editor.DIALECT]:
        if editor.collect_sql:
            editor.collected_sql.append(statement)
        elif editor.DIALECT == "sqlite":
            await editor.client.execute_query(statement)
        else:
            await editor.client.execute_script(statement)
