"""The enums of the domain in the graph, every value described. Imported before they are used."""

from __future__ import annotations

from enum import Enum, StrEnum

import strawberry

from fubble_gql.billing.invoice_states import InvoiceStatus
from fubble_gql.billing.life import Effective
from fubble_gql.billing.rows import SubscriptionStatus
from fubble_gql.catalog.kinds import Aggregation, DimensionKind, MetricType
from fubble_gql.credits.rows import CreditStatus, CreditType
from fubble_gql.customers.search import OrderField
from fubble_gql.errors import Code
from fubble_gql.pricing.line import LineKind
from fubble_gql.pricing.period import Frequency, Granularity
from fubble_gql.pricing.rates import ThresholdMode, TimeUnit
from fubble_gql.usage.ingest import ReceiptStatus


class OrderDirection(StrEnum):
    """Upwards or downwards."""

    ASC = "ASC"
    DESC = "DESC"


class Role(StrEnum):
    """What the caller may do."""

    OPERATOR = "OPERATOR"
    PORTAL = "PORTAL"


# Each enum: its name in the graph, what it is, and what each value means, in their order.
_DESCRIBED: dict[type[Enum], tuple[str, str, tuple[str, ...]]] = {
    Code: (
        "ErrorCode",
        "What went wrong, in a word that programs may compare.",
        (
            "The input is malformed or contradicts itself.",
            "What the input refers to does not exist.",
            "The key is taken by something that was made from another input.",
            "The input does not fit what exists by now.",
            "The caller may not do this.",
            "No valid key was sent.",
            "The idempotency key was used with another input.",
            "The object is in a state that does not allow this.",
            "More was asked for than one call may have.",
            "The database cannot answer now; the same call may succeed when it is repeated.",
            "A formula has no result for this usage, for instance a division by zero.",
        ),
    ),
    MetricType: (
        "MetricType",
        "What an event of a metric means.",
        (
            "Something happened so many times; events add up.",
            "A level at an instant, such as gigabytes stored.",
            "Something that is told apart by its dimensions, such as requests by region.",
            "A length of time that was used.",
            "No events of its own: a formula over other metrics.",
        ),
    ),
    Aggregation: (
        "Aggregation",
        "How the events of a span become one quantity.",
        (
            "How many events there were, whatever their quantities.",
            "The sum of the quantities; negative ones correct.",
            "The largest quantity.",
            "The smallest quantity.",
            "The mean of the quantities, at most 18 decimals.",
            "The quantity of the latest event time; among equal ones of the latest recorded.",
            "How many distinct values a property has.",
            "The percentile of the quantities, interpolated between the two nearest.",
            "The mean of a level, each value weighted by how long it held.",
        ),
    ),
    DimensionKind: (
        "DimensionKind",
        "What a dimension's values are.",
        ("Texts.", "Numbers, which DIMENSION pricing can multiply by."),
    ),
    Frequency: (
        "BillingFrequency",
        "How long a billing period is.",
        ("A day.", "A week.", "A month.", "Three months.", "Six months.", "A year."),
    ),
    ThresholdMode: (
        "ThresholdMode",
        "Which of the thresholds that usage reaches are charged.",
        ("All of them.", "The highest of them alone."),
    ),
    TimeUnit: (
        "TimeUnit",
        "A length of time.",
        ("A second.", "60 seconds.", "60 minutes.", "24 hours."),
    ),
    SubscriptionStatus: (
        "SubscriptionStatus",
        "Where a subscription is in its life.",
        (
            "It has not begun.",
            "In its trial: nothing is billed.",
            "It runs and is billed.",
            "It has ended.",
        ),
    ),
    Effective: (
        "Effective",
        "When a change takes effect.",
        ("At once.", "With the end of the current billing period."),
    ),
    Granularity: (
        "Granularity",
        "How finely a period is cut: in the customer's timezone, revenue in UTC.",
        (
            "By full hours of the local clock.",
            "By calendar days.",
            "By weeks from Monday.",
            "By calendar months.",
            "Not at all: one point for the whole period.",
        ),
    ),
    ReceiptStatus: (
        "ReceiptStatus",
        "What became of an event.",
        (
            "It is stored for good and counts.",
            "It was recorded before, with the same content; nothing changed.",
            "It was not stored; the error says why.",
        ),
    ),
    InvoiceStatus: (
        "InvoiceStatus",
        "Where an invoice is in its life.",
        (
            "It can still change, and holds its billing periods. finalizeInvoice makes it PENDING, "
            "or PAID when nothing is left to pay; voidInvoice makes it VOID.",
            "It was issued, numbered, and never changes again; its total is due. payInvoice makes "
            "it PAID, failInvoice FAILED, voidInvoice VOID.",
            "Nothing is due any more. The end, but for a total of 0, which voidInvoice makes VOID.",
            "Collecting the money failed; the total is still due. payInvoice makes it PAID, "
            "voidInvoice VOID.",
            "It was taken back and counts no more. The end.",
        ),
    ),
    LineKind: (
        "LineKind",
        "Why a line is on a bill.",
        (
            "A fee, whatever was used.",
            "What was used.",
            "A quantity that was committed to, used or not.",
            "What lacks to a minimum.",
            "What exceeds a maximum; negative.",
            "What late or voided usage changes in periods that were invoiced before.",
            "Added by hand.",
        ),
    ),
    CreditType: (
        "CreditType",
        "Where a grant of credit comes from.",
        (
            "The customer paid for it in advance.",
            "It gives back what an invoice took.",
            "A gift.",
            "It settles a difference, such as an invoice below zero.",
        ),
    ),
    CreditStatus: (
        "CreditStatus",
        "Whether a grant of credit can be spent, and else why not.",
        (
            "Something remains of it: it can be spent from when it takes effect.",
            "It expired with something remaining, which can no longer be spent.",
            "All of it was spent.",
            "What remained of it was taken back.",
        ),
    ),
    OrderField: (
        "CustomerOrderField",
        "What customers are ordered by.",
        ("When they were created.", "Their names.", "Their keys."),
    ),
    OrderDirection: (
        "OrderDirection",
        "Which way a list runs.",
        ("The smallest or earliest first.", "The largest or latest first."),
    ),
    Role: (
        "Role",
        "What the caller may do.",
        ("Everything: an API key.", "Read one customer's own graph: a portal token."),
    ),
}

for _enum, (_name, _description, _) in _DESCRIBED.items():
    strawberry.enum(_enum, name=_name, description=_description)

VALUE_DESCRIPTIONS: dict[str, dict[str, str]] = {
    name: {value.name: text for value, text in zip(enum, texts, strict=True)}
    for enum, (name, _, texts) in _DESCRIBED.items()
}
