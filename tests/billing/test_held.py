"""Which billing periods are still to be invoiced."""

from __future__ import annotations

from itertools import islice

from hypothesis import given
from hypothesis import strategies as st

from fubble_gql.billing.held import HeldRow, open_periods
from fubble_gql.billing.invoice_states import InvoiceStatus
from fubble_gql.billing.timeline import Timeline
from tests.billing.test_timeline import ID, lives


@given(lives(), st.lists(st.booleans(), max_size=20))
def test_what_no_invoice_holds_is_open_unless_it_is_wholly_in_trial(
    life: Timeline, is_held: list[bool]
) -> None:
    periods = list(islice(life.periods(), 30))
    held = [
        HeldRow(ID, one.start, one.end, ID, InvoiceStatus.PENDING)
        for one, taken in zip(periods, is_held, strict=False)
        if taken
    ]
    trial_end = life.subscription.trial_end_at
    expected = [
        one
        for one in periods
        if one.start not in {row.start_at for row in held}
        and (trial_end is None or one.end > trial_end)
    ]

    assert list(islice(open_periods(life, held), len(expected))) == expected
