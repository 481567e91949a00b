"""What every resolver may use: the database, the clock, who is asking, and this request's loaders."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import cached_property
from uuid import UUID

import strawberry

from fubble_gql.access.portal import Portal
from fubble_gql.api import ids
from fubble_gql.api.enums import Role
from fubble_gql.api.loaders import Loaders
from fubble_gql.api.streams import Live
from fubble_gql.billing import run
from fubble_gql.billing.seller import Seller
from fubble_gql.db.connection import Connection
from fubble_gql.errors import Refused

Clock = Callable[[], datetime]


@dataclass(frozen=True, slots=True)
class Viewer:
    """Who is asking: an operator with an API key, or a customer with a portal token.

    A customer's viewer names the customer, and when it stops being one.
    """

    role: Role
    key_id: str | None = None
    customer_id: UUID | None = None
    expires_at: datetime | None = None

    def __post_init__(self) -> None:
        if self.is_portal == (self.customer_id is None or self.expires_at is None):
            raise ValueError("A portal's viewer is one customer's, until an instant.")

    @property
    def is_portal(self) -> bool:
        """A customer is asking: it reads, and only its own."""
        return self.role is Role.PORTAL


@dataclass
class Context:
    """One request's. `viewer` is None when nobody was recognised.

    Invoices are issued by `seller`; a bill run stops when `run_budget` is used up; portal tokens
    are signed by `portal`. A subscription has one for all of its values; `feed` tells when
    there is another one. `takes_json`: the answer's data may be JSON already.
    """

    connection: Connection
    clock: Clock
    viewer: Viewer | None
    seller: Seller = field(default_factory=Seller)
    run_budget: timedelta = run.BUDGET
    portal: Portal = field(default_factory=Portal)
    feed: Live | None = None
    takes_json: bool = False

    @cached_property
    def now(self) -> datetime:
        """The instant of the request: the same for everything in it."""
        return self.clock()

    @cached_property
    def loaders(self) -> Loaders:
        """Batches the reads of one relation level into one statement."""
        return Loaders(self.connection)

    @property
    def live(self) -> Live:
        """Where changes are heard: only subscriptions ask, and they run where there is one."""
        assert self.feed is not None  # noqa: S101
        return self.feed

    def split_id(self, id: str, *path: str | int) -> tuple[str, UUID | int]:
        """As `ids.split`; to a customer what is no id is one more thing that is not there.

        It gets the same answer by the same statements as for what is another customer's.
        """
        try:
            return ids.split(id, *path)
        except Refused:
            if self._is_customers:
                return ids.missing(id)
            raise

    def own_id(self, type_name: str, id: str, *path: str | int) -> UUID:
        """As `ids.decode`, with the same exception."""
        try:
            return ids.decode(type_name, id, *path)
        except Refused:
            if self._is_customers:
                return ids.NOBODY
            raise

    @property
    def _is_customers(self) -> bool:
        return self.viewer is not None and self.viewer.is_portal

    def read_afresh(self) -> None:
        """Forget what was read: something is about to be written, or the operation to begin again."""
        self.__dict__.pop("loaders", None)

    def stop_reading(self) -> None:
        """End the reads that several fields wait for together: no one of them may by itself."""
        if (loaders := self.__dict__.get("loaders")) is not None:
            loaders.stop()

    def begin_anew(self) -> None:
        """Another instant, at which nothing was read yet: the next value of a subscription."""
        self.__dict__.pop("now", None)
        self.read_afresh()


Info = strawberry.Info[Context, None]
