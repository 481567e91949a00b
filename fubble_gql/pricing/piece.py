"""A span of a billing period under the same terms, with what was used in it: what is rated."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID

from fubble_gql.pricing.charge import Usage
from fubble_gql.pricing.commitment import Committed
from fubble_gql.pricing.period import Period, Share
from fubble_gql.pricing.terms import Component, Terms

_NO_USAGE = Usage()


@dataclass(frozen=True, slots=True)
class Part:
    """A part of a piece in which a component's own price holds, with what was used in it."""

    span: Period
    usage: Usage


@dataclass(frozen=True, slots=True)
class Piece:
    """A span of a billing period under the same terms, with what was used in it.

    Usage is by component id; a component that is absent had none. `parts` replaces it for
    components that rest for some of the time, while a commitment of their metric holds.
    `own_periods` are the plan's own periods around the span where these are not the
    subscription's: then everything that is prorated, FLAT too, is a share of them.

    `until` asks what the piece has come to by an instant inside it: the usage is what was used by
    then, and what time earns (fees, shares of levels, minima) has been earned until then. What
    holds for all of the span holds from its beginning: what a commitment covers, and a maximum.
    """

    subscription_id: UUID | None
    terms: Terms
    span: Period
    period: Period
    usage: Mapping[UUID, Usage]
    in_trial: bool = False
    parts: Mapping[UUID, tuple[Part, ...]] = field(default_factory=dict)
    committed: tuple[Committed, ...] = ()
    own_periods: tuple[Period, ...] = ()
    until: datetime | None = None

    def __post_init__(self) -> None:
        if not self.span.lies_within(self.period):
            raise ValueError(f"{self.span} does not lie within {self.period}.")
        if not self.has_begun(self.span):
            raise ValueError(f"{self.span} has not begun by {self.until}.")

    def has_begun(self, span: Period) -> bool:
        """Whether any of a span of the piece has gone by."""
        return self.until is None or span.start < self.until

    def gone_by(self, span: Period) -> Period:
        """What of a span that has begun has gone by."""
        return span if self.until is None else Period(span.start, min(span.end, self.until))

    def share_of(self, span: Period) -> Share:
        """The share of a whole period that has gone by of a span of the piece."""
        return self.whole_share_of(self.gone_by(span))

    def whole_share_of(self, span: Period) -> Share:
        """The share of a whole period that all of a span of the piece makes up."""
        return Share.over(span, self.own_periods or (self.period,))

    def parts_of(self, component: Component) -> tuple[Part, ...]:
        """Where the component's own price holds, as far as that has begun."""
        whole = Part(self.span, self.usage.get(component.id, _NO_USAGE))
        parts = self.parts.get(component.id, (whole,))
        return tuple(part for part in parts if self.has_begun(part.span))

    def commitments(self) -> tuple[Committed, ...]:
        """Those that have begun."""
        return tuple(one for one in self.committed if self.has_begun(one.span))
