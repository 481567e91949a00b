"""What every resolver may use: the database, the clock, who is asking, and this request's loaders."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import cached_property

import strawberry

from fubble_gql.api.loaders import Loaders
from fubble_gql.billing import run
from fubble_gql.billing.seller import Seller
from fubble_gql.db.connection import Connection

Clock = Callable[[], datetime]


@dataclass(frozen=True, slots=True)
class Viewer:
    """Who is asking: for now an operator, known by an API key."""

    key_id: str


@dataclass
class Context:
    """One request's. `viewer` is None when nobody was recognised.

    Invoices are issued by `seller`; a bill run stops when `run_budget` is used up.
    """

    connection: Connection
    clock: Clock
    viewer: Viewer | None
    seller: Seller = field(default_factory=Seller)
    run_budget: timedelta = run.BUDGET

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
