"""The examples about bills, usage and plans that GraphiQL opens with."""

from __future__ import annotations

from fubble_gql.api.ide import Tab

BILL = Tab("""\
# The bill so far of one customer, over
# both of its subscriptions. It is
# computed when you ask, by the code
# that issues invoices, and every amount
# explains itself down to the tier.
query BillSoFar {
  customer(key: "aurora-analytics") {
    name
    timezone
    invoicePreview {
      asOf
      lines {
        kind
        description
        period { start end }
        quantity
        amount { amount currency }
        steps {
          label
          from
          upTo
          quantity
          unitPrice
          flatFee
          amount
        }
      }
      total { amount currency }
    }
  }
}
""")

CUSTOMERS = Tab(
    """\
# A page of customers with their plans
# and what each owes so far. For the
# next page, put pageInfo's endCursor
# into the variable "after".
query Customers($first: Int, $after: String) {
  customers(
    first: $first
    after: $after
    orderBy: { field: NAME, direction: ASC }
  ) {
    totalCount
    nodes {
      key
      name
      timezone
      subscriptions {
        nodes { status startAt plan { name version } }
      }
      invoicePreview { total { amount currency } }
    }
    pageInfo { hasNextPage endCursor }
  }
}
""",
    '{\n  "first": 10,\n  "after": null\n}\n',
)

USAGE = Tab("""\
# This month's data transfer by day, in
# the customer's timezone: a row for
# each region. Days without usage are in
# the series too.
query UsageByDayAndRegion {
  customer(key: "polderlicht") {
    name
    usage(
      metrics: ["transfer_gb"]
      granularity: DAY
      groupBy: ["region"]
    ) {
      metric { displayName unit aggregation }
      group { property value }
      quantity
      eventCount
      series { period { start } quantity }
    }
  }
}
""")

PLANS = Tab("""\
# Every plan in euro with its prices:
# one type for each of the thirteen
# pricing models.
query Plans {
  plans(first: 20, filter: { search: "-eur" }) {
    nodes {
      name
      version
      billingFrequency
      trialDays
      minimum
      priceComponents {
        displayName
        metric { key aggregation }
        minimum
        maximum
        pricing {
          __typename
          ... on FlatPricing { amount }
          ... on SubscriptionPricing { fee: amount }
          ... on PerUnitPricing { unitPrice freeUnits }
          ... on GraduatedPricing { tiers { upTo unitPrice flatFee } }
          ... on VolumePricing { tiers { upTo unitPrice flatFee } }
          ... on PackagePricing { size price freeUnits }
          ... on ThresholdPricing { mode thresholds { threshold price } }
          ... on PercentagePricing { rate fixedFee freeEvents freeAmount }
          ... on UsageSubscriptionPricing { baseFee includedUnits unitPrice }
          ... on TimePricing { rate rateUnit metricUnit }
          ... on DimensionPricing { baseRate dimensions { property multiplier } }
          ... on MatrixPricing { properties cells { values unitPrice } defaultUnitPrice }
          ... on DynamicPricing { baseRate formula variables }
        }
      }
    }
  }
}
""")

ESTIMATE = Tab(
    """\
# What a plan would cost, before anyone
# subscribes: change the quantities and
# run it again.
query Estimate($usage: [UsageInput!]!) {
  plan(key: "network-usd") {
    name
    estimate(usage: $usage) {
      lines {
        description
        quantity
        amount { amount }
        steps { label quantity unitPrice amount }
      }
      total { amount currency }
    }
  }
}
""",
    """\
{
  "usage": [
    {
      "metric": "transfer_gb",
      "quantity": "1200",
      "dimensions": { "region": "eu", "class": "premium" }
    },
    { "metric": "api_calls", "quantity": "2500000" },
    { "metric": "connections", "quantity": "640" }
  ]
}
""",
)

RECORD = Tab(
    """\
# Record usage. Each event has a key of
# its own and counts once: run it again,
# and the receipts say DUPLICATE. The
# first tab shows what it does to the
# bill.
mutation RecordUsage($events: [UsageEventInput!]!) {
  recordUsage(events: $events) {
    accepted
    duplicates
    rejected
    receipts { index idempotencyKey status error { code message path } }
    errors { code message path }
  }
}
""",
    """\
{
  "events": [
    {
      "customer": "aurora-analytics",
      "metric": "storage_gb",
      "quantity": "275.125",
      "idempotencyKey": "graphiql-1"
    },
    {
      "customer": "aurora-analytics",
      "metric": "gpu_hours",
      "quantity": "1.5",
      "properties": { "gpus": 4, "priority": 1 },
      "idempotencyKey": "graphiql-2"
    }
  ]
}
""",
)

CREATE = Tab(
    """\
# From nothing to a bill: a metric, a
# plan that prices it, a customer, a
# subscription. All of it may be run
# again: the same input gives the same
# objects.
mutation FromNothing($plan: CreatePlanInput!) {
  createMetric(input: {
    key: "documents"
    displayName: "Documents"
    type: COUNTER
  }) {
    metric { key aggregation }
    errors { code message path }
  }
  createPlan(input: $plan) {
    plan { key version }
    errors { code message path }
  }
  createCustomer(input: {
    key: "paper-lantern"
    name: "Paper Lantern"
    timezone: "America/Chicago"
  }) {
    customer { key currency }
    errors { code message path }
  }
  subscribe(input: {
    customer: { key: "paper-lantern" }
    plan: { key: "archive" }
    idempotencyKey: "paper-lantern-1"
  }) {
    subscription {
      status
      currentPeriod { start end }
      invoicePreview { total { amount } }
    }
    errors { code message path }
  }
}
""",
    """\
{
  "plan": {
    "key": "archive",
    "name": "Archive",
    "billingFrequency": "MONTHLY",
    "priceComponents": [
      {
        "key": "fee",
        "displayName": "Fee",
        "pricing": { "subscription": { "amount": "19" } }
      },
      {
        "key": "documents",
        "displayName": "Documents",
        "metric": "documents",
        "pricing": {
          "perUnit": { "unitPrice": "0.02", "freeUnits": "100" }
        }
      }
    ]
  }
}
""",
)

UNBILLED = Tab("""\
# Usage that no plan of the customer has
# a price for: nothing recorded is out
# of sight.
query UnbilledUsage {
  customer(key: "azul-marinho") {
    name
    subscriptions { nodes { plan { name } } }
    unbilledUsage {
      metric { displayName unit }
      quantity
    }
    usageEvents(
      first: 5
      filter: { metrics: ["compute_seconds"] }
    ) {
      nodes { eventTime quantity idempotencyKey recordedAt }
    }
  }
}
""")
