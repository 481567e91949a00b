"""What a document may ask for at most, known before any of it is validated or run.

Everything here can be set, but for what nobody needs more of (`api/measure.py`), and questions about
the schema, which have room of their own: whoever may ask them may ask for all of it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

from graphql import (
    DocumentNode,
    GraphQLError,
    GraphQLSchema,
    get_operation_ast,
)

from fubble_gql.api.measure import Beyond, Measure

# The whole schema, as GraphiQL and code generators ask for it, with room to spare.
SCHEMA_DEPTH_MAX = 20
SCHEMA_COST_MAX = 50_000
COUNT_MAX = 2**31 - 1
_TEXTS = {
    "operations": "The document has {0} operations; at most {1} may be sent at once.",
    "rootFields": "An operation has {0} fields at its root; at most {1} may run at once. Send several.",
    "fields": "The document selects {0} fields and fragments; {1} are allowed. Ask in several calls.",
    "depth": "The document is {0} levels deep; {1} are allowed. Ask for what lies deeper by its id.",
    "aliases": "The document has {0} aliases; {1} are allowed. Ask in several calls.",
    "directives": "There are {0} directives; {1} are allowed, and 4 at one place.",
    "introspection": "Questions about the schema come to {0}; {1} is allowed. Ask for less of it.",
    "cost": (
        "The operation may cost {0}; {1} is allowed. Take smaller pages with `first` or `last`, or "
        "fewer lists inside of lists."
    ),
}


@dataclass(frozen=True, slots=True)
class DocumentLimits:
    """What one document may have. The cost is that of the operation which runs."""

    tokens: int = 5_000
    operations: int = 10
    root_fields: int = 20
    fields: int = 400
    depth: int = 15
    aliases: int = 50
    directives: int = 50
    cost: int = 100_000


DOCUMENT_LIMITS = DocumentLimits()


class Count(NamedTuple):
    """How much there is of something that is limited."""

    name: str
    amount: int
    maximum: int

    @property
    def is_beyond(self) -> bool:
        """Whether it is too much."""
        return self.amount > self.maximum


class Weighed(NamedTuple):
    """What the operation may cost, and the first limit that its document is beyond."""

    cost: int | None
    maximum: int
    beyond: Count | None

    @property
    def shown_cost(self) -> dict[str, int | None]:
        """The cost as clients see it; null where the document was not read to its end."""
        return {"requested": self.cost, "maximum": self.maximum}

    def extensions(self, asked: Mapping[str, Any] | None) -> dict[str, object]:
        """The cost beside the answer, for a call that asks for it: `"extensions": {"cost": true}`."""
        return {"cost": self.shown_cost} if (asked or {}).get("cost") else {}

    def refusal(self, document: DocumentNode) -> GraphQLError | None:
        """What a client is told whose document is beyond a limit."""
        if self.beyond is None:
            return None
        name, amount, maximum = self.beyond
        return GraphQLError(
            _TEXTS[name].format(f"{min(amount, COUNT_MAX):,}", f"{maximum:,}"),
            document.definitions[0],
            extensions={"code": "LIMIT_EXCEEDED", "limit": name, "cost": self.shown_cost},
        )


def weigh(
    schema: GraphQLSchema,
    document: DocumentNode,
    operation_name: str | None,
    variables: Mapping[str, Any] | None,
    limits: DocumentLimits,
) -> Weighed:
    """How much a document asks for. Whether its names and values are right is not judged."""
    chosen = get_operation_ast(document, operation_name)
    measure = Measure(schema, document, chosen, variables or {})
    try:
        sizes = measure.operations()
        total = measure.unused_fragments()
    except Beyond as beyond:
        count = Count(beyond.name, beyond.amount, beyond.maximum)
        return Weighed(None, limits.cost, count)
    for _, size in sizes:
        total.add(size)
    cost = min(next((size.cost for one, size in sizes if one is chosen), 0), COUNT_MAX)
    counts = (
        Count("operations", len(sizes), limits.operations),
        Count("rootFields", max((size.width for _, size in sizes), default=0), limits.root_fields),
        Count("fields", total.fields, limits.fields),
        Count("depth", total.depth, limits.depth),
        Count("aliases", total.aliases, limits.aliases),
        Count("directives", total.directives, limits.directives),
        Count("introspection", total.schema_depth, SCHEMA_DEPTH_MAX),
        Count("introspection", total.schema_cost, SCHEMA_COST_MAX),
        Count("cost", cost, limits.cost),
    )
    return Weighed(cost, limits.cost, next((one for one in counts if one.is_beyond), None))
