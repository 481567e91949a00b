"""Which customers the keys of a batch stand for: remembered, and never wrong."""

from __future__ import annotations

from collections.abc import Collection
from typing import cast

from fubble_gql.checks import is_storable
from fubble_gql.db.connection import Connection
from fubble_gql.db.rows import Table
from fubble_gql.usage.rules import KnownCustomer
from fubble_gql.usage.store import store_of
from fubble_gql.usage.store.cut import Cut

REMEMBERED_MAX = 50_000

_CUSTOMERS = Table("customer", KnownCustomer)


async def hold_customers(
    tx: Connection, keys: Collection[str]
) -> tuple[dict[str, KnownCustomer], Cut]:
    """The customers of these keys, held as `Store.hold` does, as they are from then on.

    A key stands for one customer for ever, so only its id is remembered, by each process for
    itself. Whether the customer is there and archived is read every time, with where it stands.
    """
    customers, cut = await _hold(tx, keys)
    if cut.found < len(customers):
        # Another database answers under the address, an older copy for instance.
        _remembered(tx).clear()
        customers, cut = await _hold(tx, keys)
    for customer in customers.values() if cut.archived else ():
        if customer.id in cut.archived:
            archived_at = cut.archived[customer.id]
            customers[customer.key] = customer._replace(archived_at=archived_at)
    return customers, cut


async def _hold(tx: Connection, keys: Collection[str]) -> tuple[dict[str, KnownCustomer], Cut]:
    customers = await _customers(tx, keys)
    return customers, await store_of(tx).hold(tx, [one.id for one in customers.values()])


async def _customers(tx: Connection, keys: Collection[str]) -> dict[str, KnownCustomer]:
    """As if none were archived."""
    remembered = _remembered(tx)
    # Taken before anything is waited for: another call may forget it all meanwhile.
    known = {key: remembered[key] for key in keys if key in remembered}
    missing = sorted(key for key in keys if key not in known and is_storable(key))
    if missing:
        rows = await _CUSTOMERS.by(tx, "key", missing)
        found = {row.key: row._replace(archived_at=None) for row in rows}
        if len(remembered) + len(found) > REMEMBERED_MAX:
            remembered.clear()
        remembered.update(found)
        known |= found
    return known


def _remembered(tx: Connection) -> dict[str, KnownCustomer]:
    return cast(dict[str, KnownCustomer], tx.remembered.setdefault("customers", {}))
