"""Which of a customer's events count, and over which time."""

from __future__ import annotations

from dataclasses import dataclass
from uuid import UUID

from fubble_gql.pricing.period import Period


@dataclass(frozen=True, slots=True)
class Scope:
    """All events whatever subscription they name, or those that name one, or none, or both."""

    everything: bool = False
    subscription_id: UUID | None = None
    unnamed: bool = False

    @property
    def of_level(self) -> Scope:
        """The events that a level carried into a stretch comes from.

        All the customer's, unless the stretch takes only those that name its subscription: then
        two subscriptions never both bill the same level.
        """
        return EVERYTHING if self.everything or self.unnamed else self


EVERYTHING = Scope(everything=True)


@dataclass(frozen=True, slots=True)
class Stretch:
    """A part of a request's time, and the events that count in it."""

    span: Period
    scope: Scope
