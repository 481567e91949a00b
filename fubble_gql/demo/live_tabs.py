"""The example of what can be watched that GraphiQL opens with."""

from __future__ import annotations

from fubble_gql.api.ide import Tab

USAGE = Tab("""\
# A total that counts while you watch:
# run it, then record usage from another
# window (the tab RecordUsage with new
# keys), and the number changes by itself.
subscription LiveUsage {
  usage(
    customer: { key: "aurora-analytics" }
    metric: "gpu_hours"
  ) {
    metric { displayName unit }
    period { start end }
    quantity
    eventCount
  }
}
""")
