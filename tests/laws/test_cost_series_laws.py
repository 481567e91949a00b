"""Whatever is sold and used, the days of a period sum to its bill, price by price."""

from __future__ import annotations

from functools import partial
from typing import cast

from hypothesis import HealthCheck, settings
from hypothesis.stateful import run_state_machine_as_test

from tests.laws.costing import Costing
from tests.laws.databases import Databases

LENGTH = settings(
    max_examples=5,
    stateful_step_count=25,
    deadline=None,
    report_multiple_bugs=False,
    suppress_health_check=list(HealthCheck),
)


def test_the_days_sum_to_the_bill_whatever_happens(databases: Databases) -> None:
    machine = cast(type[Costing], partial(Costing, databases))
    run_state_machine_as_test(machine, settings=LENGTH)
