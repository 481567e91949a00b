"""What is wrong with terms: every fault at once, each with its place and its cure."""

from collections.abc import Iterable, Iterator
from decimal import Decimal
from typing import NamedTuple

from fubble_gql.pricing.money import DIGITS_MAX, PLACES_MAX, is_in_range

Path = tuple[str | int, ...]


class Fault(NamedTuple):
    """One thing to correct, at a path of field names in snake case and list indexes."""

    path: Path
    message: str


class InvalidTerms(ValueError):
    """Terms that cannot be charged by, with all their faults."""

    def __init__(self, faults: Iterable[Fault]) -> None:
        self.faults = tuple(faults)
        super().__init__(" ".join(fault.message for fault in self.faults))


def refuse(faults: Iterable[Fault]) -> None:
    """Raise InvalidTerms with all of them, if there are any."""
    found = tuple(faults)
    if found:
        raise InvalidTerms(found)


def check_number(value: Decimal, *path: str | int) -> Iterator[Fault]:
    """Refuse what has more digits than a quantity or a unit price may carry."""
    if not is_in_range(value):
        yield Fault(
            path,
            f"{_spoken(path)} takes at most {DIGITS_MAX} digits before the point"
            f" and {PLACES_MAX} after it.",
        )


def check_not_negative(value: Decimal, *path: str | int) -> Iterator[Fault]:
    """Refuse negative numbers, and those out of range."""
    if not is_in_range(value):
        yield from check_number(value, *path)
    elif value < 0:
        yield Fault(path, f"{_spoken(path)} must be zero or more.")


def check_positive(value: Decimal, *path: str | int) -> Iterator[Fault]:
    """Refuse zero, negative numbers, and those out of range."""
    if not is_in_range(value):
        yield from check_number(value, *path)
    elif value <= 0:
        yield Fault(path, f"{_spoken(path)} must be above zero.")


def check_distinct(names: Iterable[str], field: str, *within: str) -> Iterator[Fault]:
    """Refuse empty and repeated names in a list, at field.index or field.index.within."""
    seen = set[str]()
    for index, name in enumerate(names):
        path: Path = (field, index, *within)
        if not name:
            yield Fault(path, f"{_spoken(path)} must not be empty.")
        elif name in seen:
            yield Fault(path, f'"{name}" must appear only once in {camel(field)}.')
        seen.add(name)


def _spoken(path: Path) -> str:
    """The field as the API spells it: ("tiers", 1, "unit_price") is unitPrice of tiers 2."""
    *outer, last = path
    if isinstance(last, int):
        return f"{camel(str(outer[-1]))} {last + 1}"
    index = next((part for part in reversed(outer) if isinstance(part, int)), None)
    if index is None:
        return camel(last)
    return f"{camel(last)} of {camel(str(outer[outer.index(index) - 1]))} {index + 1}"


def camel(name: str) -> str:
    """A field's name as the graph spells it: unit_price is unitPrice."""
    head, *rest = name.split("_")
    return head + "".join(word.capitalize() for word in rest)
