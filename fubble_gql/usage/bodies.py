"""Whether a repeated event is the one that was recorded under its key."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal

from fubble_gql.catalog.rows import MetricRow
from fubble_gql.db import exact_json
from fubble_gql.errors import Refused
from fubble_gql.usage.new_event import NewEvent
from fubble_gql.usage.properties import read
from fubble_gql.usage.store.rows import QUANTITY_LEFT_OUT, TIME_LEFT_OUT, Body


def differing_field(
    event: NewEvent, recorded: Body, metrics: Mapping[str, MetricRow]
) -> str | None:
    """The first field that was sent differently then; None when all are equal.

    Compared as sent: what was left out equals only what was left out, numbers by value, times by
    instant, properties by content, a metric by what its key stands for.
    """
    metric = metrics.get(event.metric)
    if metric is None or metric.id != recorded.metric_id:
        return "metric"
    if not _is_same_number(event.quantity, _sent_quantity(recorded)):
        return "quantity"
    if event.event_time != _sent_time(recorded):
        return "eventTime"
    if event.subscription_id != recorded.subscription_id:
        return "subscriptionId"
    if not _has_properties(event, recorded):
        return "properties"
    return None


def _sent_quantity(recorded: Body) -> Decimal | None:
    return None if recorded.defaulted & QUANTITY_LEFT_OUT else recorded.quantity


def _sent_time(recorded: Body) -> datetime | None:
    return None if recorded.defaulted & TIME_LEFT_OUT else recorded.event_time


def _is_same_number(sent: Decimal | None, recorded: Decimal | None) -> bool:
    # A signalling NaN cannot even be compared.
    return sent == recorded if sent is None or not sent.is_nan() else False


def _has_properties(event: NewEvent, recorded: Body) -> bool:
    try:
        sent = None if event.properties is None else read(event.properties).text
    except Refused:
        return False
    earlier = None if recorded.properties is None else exact_json.dumps(recorded.properties)
    return sent == earlier
