"""Whatever a company does, in whatever order: its books agree with its usage, to the cent."""

from __future__ import annotations

from functools import partial
from typing import cast

import pytest
from hypothesis import HealthCheck, settings
from hypothesis.stateful import run_state_machine_as_test

from tests.laws.counting import Counting
from tests.laws.databases import Databases
from tests.laws.invoicing import Invoicing
from tests.laws.settling import Settling

LENGTH = settings(
    max_examples=6,
    stateful_step_count=40,
    deadline=None,
    report_multiple_bugs=False,
    suppress_health_check=list(HealthCheck),
)


@pytest.mark.parametrize("company", [Invoicing, Settling, Counting])
def test_the_books_agree_whatever_happens(databases: Databases, company: type[Invoicing]) -> None:
    machine = cast(type[Invoicing], partial(company, databases))
    run_state_machine_as_test(machine, settings=LENGTH)
