"""Failures that a caller can act on, each with a stable code."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum


class Code(StrEnum):
    """What went wrong, in a word that programs may compare; the contract's ErrorCode."""

    INVALID = "INVALID"
    NOT_FOUND = "NOT_FOUND"
    ALREADY_EXISTS = "ALREADY_EXISTS"
    CONFLICT = "CONFLICT"
    FORBIDDEN = "FORBIDDEN"
    UNAUTHENTICATED = "UNAUTHENTICATED"
    IDEMPOTENCY_MISMATCH = "IDEMPOTENCY_MISMATCH"
    INVALID_STATE = "INVALID_STATE"
    LIMIT_EXCEEDED = "LIMIT_EXCEEDED"
    SERVICE_UNAVAILABLE = "SERVICE_UNAVAILABLE"
    FORMULA_FAILED = "FORMULA_FAILED"


Path = tuple[str | int, ...]


@dataclass(frozen=True, slots=True)
class Problem:
    """One reason for a refusal: what to do about it, and the input field that it is about.

    The path is in the words of the input (camelCase), from the mutation's argument inwards.
    """

    code: Code
    message: str
    path: Path = ()

    def below(self, *prefix: str | int) -> Problem:
        """The same problem, seen from further out."""
        return Problem(self.code, self.message, (*prefix, *self.path))


class Refused(Exception):
    """A call that was refused as a whole, with every reason that was found."""

    def __init__(self, problems: Iterable[Problem], **facts: str) -> None:
        self.problems = tuple(problems)
        self.facts = facts
        super().__init__("; ".join(problem.message for problem in self.problems))


def refuse(code: Code, message: str, *path: str | int, **facts: str) -> Refused:
    """A refusal for a single reason; `facts` are shown beside the code (for instance a formula)."""
    return Refused([Problem(code, message, path)], **facts)


class Unavailable(Exception):
    """The database cannot answer at this moment; the same call may succeed when repeated."""


class Problems:
    """Collects what is wrong with an input, so that a caller hears of everything at once."""

    def __init__(self) -> None:
        self.found: list[Problem] = []

    def add(self, message: str, *path: str | int, code: Code = Code.INVALID) -> None:
        """Note one problem."""
        self.found.append(Problem(code, message, path))

    def raise_if_any(self, *prefix: str | int) -> None:
        """Refuse the call when anything was noted, all of it below `prefix`."""
        if self.found:
            raise Refused(problem.below(*prefix) for problem in self.found)
