"""What every resolver may use: the database, the clock, who is asking, and this request's loaders."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import cached_property
from uuid import UUID

import strawberry

from fubble_gql.access.portal import Portal
from fubble_gql.api.enums import Role
from fubble_gql.api.loaders import Loaders
from fubble_gql.billing import run
from fubble_gql.billing.seller import Seller
from fubble_gql.db.connection import Connection

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

    @property
    def is_portal(self) -> bool:
        """A customer is asking: it reads, and only its own."""
        return self.role is Role.PORTAL


@dataclass
class Context:
    """One request's. `viewer` is None when nobody was recognised.

    Invoices are issued by `seller`; a bill run stops when `run_budget` is used up; portal tokens
    are signed by `portal`.
    """

    connection: Connection
    clock: Clock
    viewer: Viewer | None
    seller: Seller = field(default_factory=Seller)
    run_budget: timedelta = run.BUDGET
    portal: Portal = field(default_factory=Portal)

    @cached_property
    def now(self) -> datetime:
        """The instant of the request: the same for everything in it."""
        return self.clock()

    @cached_property
    def loaders(self) -> Loaders:
        """Batches the reads of one relation level into one statement."""
        return Loaders(self.connection)

    def read_afresh(self) -> None:
        """Forget what was read: something is about to be written."""
        self.__dict__.pop("loaders", None)


Info = strawberry.Info[Context, None]
