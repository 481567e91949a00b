"""What a running server counts, for Prometheus: how often and how long, never whose or what.

With several workers each writes into a file of its own in the folder that their parent made, and
whichever is asked adds them up (prometheus_client's multiprocess mode). Gauges tell of workers that
live.
"""

from __future__ import annotations

from prometheus_client import Counter, Gauge, Histogram, disable_created_metrics

# They would be a third of all lines, and nobody looks at them.
disable_created_metrics()  # type: ignore[no-untyped-call]

_SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30)

operation_seconds = Histogram(
    "fubble_operation_duration_seconds",
    "From an operation's whole request to its answer, by the operation's own name.",
    ["operation", "kind"],
    buckets=_SECONDS,
)
operation_errors = Counter(
    "fubble_operation_errors",
    "Operations that met an error, once for each of its codes, in `errors` or in a payload.",
    ["operation", "code"],
)
usage_events = Counter(
    "fubble_usage_events", "Events that were sent, by what became of them.", ["status"]
)
invoice_previews = Counter("fubble_invoice_previews", "Invoice previews computed.")
requests_running = Gauge(
    "fubble_requests_running", "Operations running now.", multiprocess_mode="livesum"
)
sockets_open = Gauge(
    "fubble_sockets_open", "WebSockets that are open now.", multiprocess_mode="livesum"
)
subscriptions_running = Gauge(
    "fubble_subscriptions_running",
    "Subscriptions that are watched over WebSockets now.",
    multiprocess_mode="livesum",
)
requests_refused = Counter(
    "fubble_requests_refused",
    "Requests refused because the worker had enough to do, by the setting that says how much.",
    ["setting"],
)
pool_size = Gauge(
    "fubble_database_pool_size",
    "Connections to PostgreSQL that may be held.",
    multiprocess_mode="livesum",
)
pool_in_use = Gauge(
    "fubble_database_pool_in_use",
    "Connections to PostgreSQL in use now.",
    multiprocess_mode="livesum",
)
pool_waiting = Gauge(
    "fubble_database_pool_waiting",
    "Statements and transactions that wait for a connection to PostgreSQL.",
    multiprocess_mode="livesum",
)


def count_events(*, accepted: int, duplicates: int, rejected: int) -> None:
    """The receipts of one call."""
    _accepted.inc(accepted)
    _duplicate.inc(duplicates)
    _rejected.inc(rejected)


# Looked up once: every call that records usage needs them. They are shown from the start, at zero.
_accepted, _duplicate, _rejected = (
    usage_events.labels(status) for status in ("accepted", "duplicate", "rejected")
)
too_many_requests, too_many_bytes, too_many_sockets = (
    requests_refused.labels(setting)
    for setting in ("requests_max", "inflight_bytes_max", "sockets_max")
)
