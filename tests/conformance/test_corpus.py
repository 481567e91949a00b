"""The list of what is not answered is exact, so that it can only shrink."""

from collections import Counter

import pytest

from tests.conformance.corpus import FILES, HERE, cases, unsupported

# Lower it when a case is taken off the list; never raise it.
UNSUPPORTED_MAX = 108

ALL = {case.id: case for file in FILES for case in cases(file)}


def test_the_corpus_is_complete() -> None:
    assert len(ALL) == 398


def test_every_listed_case_exists_and_stands_under_one_reason() -> None:
    listed = Counter(each for ids in unsupported().values() for each in ids)

    assert listed.keys() <= ALL.keys()
    assert set(listed.values()) == {1}
    assert len(listed) <= UNSUPPORTED_MAX


@pytest.mark.parametrize("file", FILES)
def test_a_file_without_a_runner_is_listed_whole(file: str) -> None:
    if (HERE / f"test_{file}.py").exists():
        return
    listed = {each for ids in unsupported().values() for each in ids}
    assert {case.id for case in cases(file)} <= listed


def test_what_the_standard_does_not_answer_is_never_run() -> None:
    listed = {each for ids in unsupported().values() for each in ids}
    assert [
        case.id for case in ALL.values() if not case.has_answer() and case.id not in listed
    ] == []
