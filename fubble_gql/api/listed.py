"""How many values the lists in a field's arguments hold: work that pages and aliases repeat.

The document's length does not bound them, since a variable may be as long as a body and be used in
any number of places.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping

from graphql import FieldNode, ListValueNode, ObjectValueNode, VariableNode

_MADE_OF_OTHERS = (dict, list, ListValueNode, ObjectValueNode, VariableNode)


class Listed:
    """Counts the values in lists, with all that lies inside of them; those of a variable once."""

    def __init__(self, variables: Mapping[str, object]) -> None:
        self._variables = variables
        self._known: dict[tuple[str, bool], int] = {}

    def of(self, field: FieldNode) -> int:
        """Of all of the field's arguments together."""
        return sum(self._count(argument.value) for argument in field.arguments or ())

    def _count(self, value: object, *, is_listed: bool = False) -> int:
        count, waiting = 0, [(value, is_listed)]
        while waiting:
            part, is_listed = waiting.pop()
            if isinstance(part, VariableNode):
                count += self._of_variable(part.name.value, is_listed=is_listed)
                continue
            inner = _parts(part)
            is_listed = is_listed or isinstance(part, list | ListValueNode)
            count += len(inner) * is_listed
            waiting += [(one, is_listed) for one in inner if isinstance(one, _MADE_OF_OTHERS)]
        return count

    def _of_variable(self, name: str, *, is_listed: bool) -> int:
        key = name, is_listed
        if key not in self._known:
            self._known[key] = self._count(self._variables.get(name), is_listed=is_listed)
        return self._known[key]


def _parts(value: object) -> Collection[object]:
    match value:
        case list():
            return value
        case dict():
            return value.values()
        case ListValueNode():
            return value.values
        case ObjectValueNode():
            return [field.value for field in value.fields]
        case _:
            return ()
