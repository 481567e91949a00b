"""The examples about money that GraphiQL opens with: invoices, credit, what a plan change costs."""

from __future__ import annotations

import json

from fubble_gql.api.ide import Tab

INVOICE = Tab("""\
# A customer's latest invoice, as it was
# issued: its lines with their steps and
# the events behind them, what credit
# paid, and the proof that its terms and
# the usage that it knew still give it.
# ADJUSTMENT lines bill usage that came
# after its month had been invoiced.
query Invoice {
  customer(key: "polderlicht") {
    invoices(
      first: 1
      filter: { statuses: [PENDING, PAID] }
    ) {
      nodes {
        number
        status
        issuedAt
        dueAt
        asOf
        billTo { name companyName billingAddress }
        lines {
          kind
          description
          period { start end }
          quantity
          amount { amount }
          steps { label quantity unitPrice amount }
          usageEvents(first: 2) {
            nodes { eventTime recordedAt quantity properties }
          }
        }
        subtotal { amount }
        creditsApplied { amount }
        total { amount currency }
        amountDue { amount }
        verification { matches differences }
      }
    }
  }
}
""")

INVOICES = Tab(
    """\
# Invoices that are not settled. Others:
# DRAFT, PAID, VOID, or in place of
# statuses "overdue": true.
query Invoices($filter: InvoiceFilter) {
  invoices(first: 50, filter: $filter) {
    totalCount
    nodes {
      number
      status
      customer { name }
      period { start end }
      amountDue { amount currency }
      dueAt
      isOverdue
      failureReason
    }
    pageInfo { hasNextPage endCursor }
  }
}
""",
    """\
{
  "filter": { "statuses": ["PENDING", "FAILED"] }
}
""",
)

CREDITS = Tab("""\
# What a customer can spend, its grants,
# and the ledger: each grant's entries
# sum to what remains of it.
query Credits {
  customer(key: "aurora-analytics") {
    name
    creditBalance { amount currency }
    creditGrants(first: 10) {
      nodes {
        type
        status
        description
        priority
        expiresAt
        amount { amount }
        remaining { amount }
        transactions {
          createdAt
          amount { amount }
          description
          invoice { number status }
        }
      }
    }
  }
}
""")

_PLAN_CHANGE = """\
# What another plan would cost, twice.
# preview: the invoice of this period, if
# the plan changed now. whatIf: the same
# usage, had it been on that plan all
# along. A dry run writes nothing; without
# dryRun the plan changes.
mutation PlanChange($id: ID!, $plan: PlanRef!) {
  changePlan(
    subscriptionId: $id
    plan: $plan
    effective: NOW
    dryRun: true
  ) {
    preview {
      lines {
        description
        period { start end }
        quantity
        amount { amount }
      }
      total { amount currency }
    }
    subscription {
      customer { name }
      whatIf(plan: $plan) {
        lines { description quantity amount { amount } }
        total { amount currency }
      }
      staysAsItIs: invoicePreview {
        total { amount currency }
      }
    }
    errors { code message path }
  }
}
"""


def plan_change(subscription_id: str, plan_key: str) -> Tab:
    """A rehearsal of a change; ids differ from demo to demo."""
    variables = {"id": subscription_id, "plan": {"key": plan_key}}
    return Tab(_PLAN_CHANGE, json.dumps(variables, indent=2) + "\n")
