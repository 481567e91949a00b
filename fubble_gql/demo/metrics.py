"""The demo's metrics: every type, with every aggregation that it can have."""

from __future__ import annotations

from decimal import Decimal

from fubble_gql.catalog.kinds import Aggregation, DimensionKind, MetricType
from fubble_gql.catalog.metrics import NewDimension, NewMetric

COUNTERS = (
    NewMetric(
        key="api_calls",
        display_name="API calls",
        description="Requests that were answered, summed up by the gateway a few times a day.",
        unit="calls",
        type=MetricType.COUNTER,
        dimensions=(NewDimension("endpoint", DimensionKind.STRING),),
    ),
    NewMetric(
        key="input_tokens",
        display_name="Input tokens",
        unit="tokens",
        type=MetricType.COUNTER,
        dimensions=(NewDimension("model", DimensionKind.STRING),),
    ),
    NewMetric(
        key="output_tokens",
        display_name="Output tokens",
        unit="tokens",
        type=MetricType.COUNTER,
        dimensions=(NewDimension("model", DimensionKind.STRING),),
    ),
    NewMetric(
        key="payments",
        display_name="Payments",
        description="Amounts that passed through, in the customer's currency.",
        type=MetricType.COUNTER,
        decimals=2,
    ),
    NewMetric(
        key="messages_sent",
        display_name="Messages",
        description="One event for each message.",
        unit="messages",
        type=MetricType.COUNTER,
        aggregation=Aggregation.COUNT,
        dimensions=(NewDimension("channel", DimensionKind.STRING),),
    ),
    NewMetric(
        key="active_users",
        display_name="Active users",
        description="Different people who signed in.",
        unit="users",
        type=MetricType.COUNTER,
        aggregation=Aggregation.UNIQUE_COUNT,
        property="user",
    ),
    NewMetric(
        key="instances",
        display_name="Running instances",
        description="Each event starts some (+) or stops some (-); billed as the mean over time.",
        unit="instances",
        type=MetricType.COUNTER,
        aggregation=Aggregation.TIME_WEIGHTED,
        decimals=2,
    ),
)

GAUGES = (
    NewMetric(
        key="seats",
        display_name="Seats",
        description="How many are taken; the latest reading counts.",
        unit="seats",
        type=MetricType.GAUGE,
    ),
    NewMetric(
        key="connections",
        display_name="Peak connections",
        unit="connections",
        type=MetricType.GAUGE,
        aggregation=Aggregation.MAX,
    ),
    NewMetric(
        key="replicas",
        display_name="Guaranteed replicas",
        description="The fewest that ever ran.",
        unit="replicas",
        type=MetricType.GAUGE,
        aggregation=Aggregation.MIN,
    ),
    NewMetric(
        key="queue_depth",
        display_name="Mean queue depth",
        unit="jobs",
        type=MetricType.GAUGE,
        aggregation=Aggregation.AVG,
        decimals=1,
    ),
    NewMetric(
        key="bandwidth_mbps",
        display_name="Bandwidth, 95th percentile",
        description="Burstable billing: the busiest 5 % of the readings are free.",
        unit="Mbit/s",
        type=MetricType.GAUGE,
        aggregation=Aggregation.PERCENTILE,
        percentile=Decimal(95),
        decimals=1,
    ),
    NewMetric(
        key="storage_gb",
        display_name="Storage",
        description="The level after each change; billed as the mean over time.",
        unit="GB",
        type=MetricType.GAUGE,
        aggregation=Aggregation.TIME_WEIGHTED,
        decimals=3,
    ),
)

OTHERS = (
    NewMetric(
        key="compute_seconds",
        display_name="Compute time",
        unit="s",
        type=MetricType.TIME,
    ),
    NewMetric(
        key="transfer_gb",
        display_name="Data transfer",
        unit="GB",
        type=MetricType.DIMENSION,
        dimensions=(
            NewDimension("region", DimensionKind.STRING),
            NewDimension("class", DimensionKind.STRING),
        ),
        decimals=3,
    ),
    NewMetric(
        key="gpu_hours",
        display_name="GPU jobs",
        description="Hours, told apart by how many GPUs a job holds and how urgent it is.",
        unit="h",
        type=MetricType.DIMENSION,
        dimensions=(
            NewDimension("gpus", DimensionKind.NUMBER),
            NewDimension("priority", DimensionKind.NUMBER),
        ),
        decimals=2,
    ),
    NewMetric(
        key="support_tickets",
        display_name="Support tickets",
        unit="tickets",
        type=MetricType.DIMENSION,
        aggregation=Aggregation.COUNT,
        dimensions=(NewDimension("severity", DimensionKind.STRING),),
    ),
    NewMetric(
        key="largest_index_gb",
        display_name="Largest index",
        unit="GB",
        type=MetricType.DIMENSION,
        aggregation=Aggregation.MAX,
        dimensions=(NewDimension("region", DimensionKind.STRING),),
        decimals=1,
    ),
    NewMetric(
        key="regional_users",
        display_name="Users by region",
        unit="users",
        type=MetricType.DIMENSION,
        aggregation=Aggregation.UNIQUE_COUNT,
        property="user",
        dimensions=(NewDimension("region", DimensionKind.STRING),),
    ),
    NewMetric(
        key="ai_units",
        display_name="AI units",
        description="What a language model reads and writes, as one number.",
        unit="units",
        type=MetricType.COMPOSITE,
        formula="(input_tokens + 4 * output_tokens) / 1000",
        decimals=2,
    ),
)

METRICS = (*COUNTERS, *GAUGES, *OTHERS)
AI_OPERANDS = ("input_tokens", "output_tokens")
