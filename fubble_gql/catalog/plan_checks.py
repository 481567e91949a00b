"""What a plan version refuses of itself, its components aside."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from fubble_gql import checks
from fubble_gql.errors import Problems

TRIAL_DAYS_MAX = 3_650


def check_plan(problems: Problems, plan: Mapping[str, Any]) -> None:
    """The fields of a version, by column name."""
    checks.text(problems, plan["key"], "key")
    checks.text(problems, plan["name"], "name")
    checks.optional_text(
        problems, plan["description"], "description", limit=checks.LONG_TEXT_LENGTH_MAX
    )
    checks.currency(problems, plan["currency"], "currency")
    checks.whole(problems, plan["trial_days"], "trialDays", least=0, most=TRIAL_DAYS_MAX)
    checks.not_negative(problems, plan["minimum"], "minimum")
