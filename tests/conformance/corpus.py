"""The cases of the corpus, and which of them are not answered yet, with the reason."""

import json
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

import pytest

HERE = Path(__file__).parent
FILES = sorted(path.stem for path in (HERE / "cases").glob("*.json"))


@dataclass(frozen=True, slots=True)
class Record:
    """A JSON object whose fields are read as what they must be."""

    fields: Mapping[str, object]

    def __contains__(self, name: str) -> bool:
        return self.fields.get(name) is not None

    def text(self, name: str) -> str:
        value = self.fields[name]
        assert isinstance(value, str), f"{name} is no text: {value!r}"
        return value

    def decimal(self, name: str, default: str = "0") -> Decimal:
        return Decimal(self.text(name) if name in self else default)

    def instant(self, name: str) -> datetime:
        return instant(self.text(name))

    def flag(self, name: str) -> bool:
        return self.fields.get(name) is True

    def record(self, name: str) -> "Record":
        return record(self.fields[name])

    def records(self, name: str) -> list["Record"]:
        return [record(each) for each in self._list(name)]

    def decimals(self, name: str) -> list[Decimal]:
        return [Decimal(str(each)) for each in self._list(name)]

    def texts(self, name: str) -> list[str]:
        return [str(each) for each in self._list(name)]

    def pairs(self, name: str) -> list[tuple[str, str]]:
        return [(str(first), str(last)) for first, last in map(_pair, self._list(name))]

    def _list(self, name: str) -> list[object]:
        value = self.fields[name]
        assert isinstance(value, list), f"{name} is no list: {value!r}"
        return value


@dataclass(frozen=True, slots=True)
class Case(Record):
    """One case: its inputs are its fields."""

    @property
    def id(self) -> str:
        return self.text("id")

    @property
    def model(self) -> str:
        return self.text("model")

    def answer(self) -> Record:
        """The field standard's, else the source's own where the two are the same."""
        return self.record("standard_expected" if "standard_expected" in self else "expected")

    def has_answer(self) -> bool:
        """Whether the standard has one; of the seed's cases, all whose meaning is clear."""
        if self.fields.get("area") == "seed":
            return not self.flag("documentation_ambiguous")
        return "standard_expected" in self or self.flag("portable")


def record(value: object) -> Record:
    assert isinstance(value, dict), f"no record: {value!r}"
    return Record(value)


def instant(text: str) -> datetime:
    """A date is its midnight; without an offset it is UTC."""
    read = datetime.fromisoformat(text)
    return read.replace(tzinfo=UTC) if read.tzinfo is None else read


def cases(file: str) -> list[Case]:
    """Every case of a file."""
    read: object = json.loads((HERE / "cases" / f"{file}.json").read_text("utf-8"))
    assert isinstance(read, list)
    return [Case(record(each).fields) for each in read]


def unsupported() -> dict[str, list[str]]:
    """The reason for which cases are not run, and their ids."""
    read = record(json.loads((HERE / "unsupported.json").read_text("utf-8")))
    return {reason: read.texts(reason) for reason in read.fields}


def to_answer(file: str, *, but_not: Collection[str] = ()) -> list[object]:
    """Every case that is not listed as unsupported, as one item each.

    `but_not` names the models that other tests run.
    """
    listed = {each for ids in unsupported().values() for each in ids}
    return [
        pytest.param(case, id=case.id)
        for case in cases(file)
        if case.id not in listed and case.model not in but_not
    ]


def _pair(value: object) -> tuple[object, object]:
    assert isinstance(value, list)
    first, last = value
    return first, last
