"""The kinds of metrics, and the aggregations that are valid with each."""

from __future__ import annotations

from enum import StrEnum


class MetricType(StrEnum):
    """What an event of the metric means."""

    COUNTER = "COUNTER"
    GAUGE = "GAUGE"
    DIMENSION = "DIMENSION"
    TIME = "TIME"
    COMPOSITE = "COMPOSITE"


class Aggregation(StrEnum):
    """How the events of a span become one quantity."""

    COUNT = "COUNT"
    SUM = "SUM"
    MAX = "MAX"
    MIN = "MIN"
    AVG = "AVG"
    LAST = "LAST"
    UNIQUE_COUNT = "UNIQUE_COUNT"
    PERCENTILE = "PERCENTILE"
    TIME_WEIGHTED = "TIME_WEIGHTED"


class DimensionKind(StrEnum):
    """Whether a dimension's values are texts or numbers."""

    STRING = "STRING"
    NUMBER = "NUMBER"


_A = Aggregation

# The first is the default.
VALID: dict[MetricType, tuple[Aggregation, ...]] = {
    MetricType.COUNTER: (_A.SUM, _A.COUNT, _A.UNIQUE_COUNT, _A.TIME_WEIGHTED),
    MetricType.GAUGE: (_A.LAST, _A.MAX, _A.MIN, _A.AVG, _A.PERCENTILE, _A.TIME_WEIGHTED),
    MetricType.TIME: (_A.SUM,),
    MetricType.DIMENSION: (_A.SUM, _A.COUNT, _A.MAX, _A.UNIQUE_COUNT),
    MetricType.COMPOSITE: (),
}

# The quantity is a level rather than a flow: a piece's amount is prorated as a whole.
LEVELS = frozenset({_A.MAX, _A.MIN, _A.AVG, _A.LAST, _A.UNIQUE_COUNT, _A.PERCENTILE})

# Events need not say how much: each counts as one.
COUNTING = frozenset({_A.COUNT, _A.UNIQUE_COUNT})
