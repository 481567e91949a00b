"""Late usage at its edges: periods settled at zero, and formulas that broke since."""

from __future__ import annotations

from tests.api.builders import (
    CANCEL,
    a_customer,
    a_metric,
    a_plan,
    a_subscription,
    event,
    fee,
    made,
    preview_of,
    price,
    used,
)
from tests.api.conftest import Api
from tests.api.invoicing import (
    GRANT,
    JULY,
    JUNE,
    VOID_EVENT,
    differences,
    issued,
    the_usual,
    voided,
)


def amounts(invoice: dict[str, list[dict[str, dict[str, str]]]]) -> list[tuple[object, str]]:
    """Kind and amount of each line."""
    return [(line["kind"], line["amount"]["amount"]) for line in invoice["lines"]]


async def test_settled_at_zero_takes_back_what_was_adjusted(api: Api) -> None:
    subscription = await the_usual(api)
    api.clock.set("2026-06-02T00:00:00+00:00")
    may = await issued(api, subscription)
    api.clock.set("2026-06-03T00:00:00+00:00")
    await used(api, event("7", eventTime="2026-05-20T00:00:00Z"))
    api.clock.set("2026-07-02T00:00:00+00:00")
    june = await issued(api, subscription, JUNE)
    await voided(api, may, rebill=False)
    api.clock.set("2026-08-02T00:00:00+00:00")
    july = await issued(api, subscription, JULY)

    assert ("ADJUSTMENT", "7.00") in amounts(june)
    assert ("ADJUSTMENT", "-7.00") in amounts(july)
    assert await differences(api, july) == []


async def test_a_formula_that_broke_elsewhere_does_not_stop_the_bill(api: Api) -> None:
    await a_customer(api)
    await a_metric(api)
    await a_metric(api, "errs")
    await a_metric(api, "ratio", type="COMPOSITE", formula="calls / errs")
    await a_plan(api, price({"perUnit": {"unitPrice": "1"}}, "ratio"), key="ratios")
    await a_plan(api, fee("30"))
    ended = await a_subscription(api, plan="ratios")
    running = await a_subscription(api)
    await used(api, event("8"))
    await used(api, event("2", metric="errs", idempotencyKey="only"))
    await made(api, CANCEL, id=ended["id"], effective="NOW")
    api.clock.set("2026-06-02T00:00:00+00:00")
    await issued(api, ended, {"start": "2026-05-01T00:00:00Z", "end": "2026-05-10T12:00:00Z"})
    api.clock.set("2026-06-03T00:00:00+00:00")
    await made(api, VOID_EVENT, key="only")
    api.clock.set("2026-06-04T00:00:00+00:00")

    invoice = await issued(api, running)

    assert amounts(invoice) == [("FEE", "30.00")]
    assert await differences(api, invoice) == []


async def test_a_preview_of_the_past_keeps_the_credit_of_then(api: Api) -> None:
    subscription = await the_usual(api)
    credit = {"amount": "5", "expiresAt": "2026-05-12T00:00:00Z"}
    await made(api, GRANT, input={"customer": {"key": "acme"}, **credit})
    api.clock.set("2026-05-20T00:00:00+00:00")

    data = await api.ask(
        """query ($id: ID!) { planSubscription(id: $id) {
          then: invoicePreview(asOf: "2026-05-11T00:00:00Z") { creditsApplied { amount } }
          now: invoicePreview { creditsApplied { amount } }
        } }""",
        id=subscription["id"],
    )

    found = data["planSubscription"]
    assert found["then"]["creditsApplied"]["amount"] == "5.00"
    assert found["now"]["creditsApplied"]["amount"] == "0.00"


async def test_a_trial_carries_no_adjustment(api: Api) -> None:
    await a_customer(api)
    await a_plan(api, fee("30"))
    await made(api, GRANT, input={"customer": {"key": "acme"}, "amount": "5"})
    anchor = "2026-05-25T00:00:00Z"
    trying = await a_subscription(api, trialDays=24, billingAnchor=anchor)

    bill = await preview_of(api, trying)

    assert bill["lines"] == []
    assert bill["creditsApplied"]["amount"] == "0.00"
