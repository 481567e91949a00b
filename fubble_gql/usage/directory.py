"""Which customers the keys of a batch stand for: remembered, and never wrong."""

from __future__ import annotations

from collections.abc import Sequence
from typing import cast
from uuid import UUID

from fubble_gql.db.connection import Connection
from fubble_gql.db.rows import Table
from fubble_gql.usage.rules import KnownCustomer
from fubble_gql.usage.store import store_of
from fubble_gql.usage.store.cut import Cut

REMEMBERED_MAX = 50_000

_CUSTOMERS = Table("customer", KnownCustomer)


async def hold_customers(
    tx: Connection, keys: Sequence[str]
) -> tuple[dict[str, KnownCustomer], Cut]:
    """The customers of these keys, held as `Store.hold` does, as they are from then on.

    A key stands for one customer for ever, so only its id is remembered, by each process for
    itself. Whether the customer is there and archived is read every time, with where it stands.
    """
    ids = await _ids(tx, keys)
    cut = await store_of(tx).hold(tx, list(ids.values()))
    if len(cut.standing) < len(ids):
        # Another database answers under the address, an older copy for instance.
        _remembered(tx).clear()
        ids = await _ids(tx, keys)
        cut = await store_of(tx).hold(tx, list(ids.values()))
    return {key: KnownCustomer(id, key, cut.standing[id]) for key, id in ids.items()}, cut


async def _ids(tx: Connection, keys: Sequence[str]) -> dict[str, UUID]:
    remembered = _remembered(tx)
    # Taken before anything is waited for: another call may forget it all meanwhile.
    known = {key: remembered[key] for key in keys if key in remembered}
    missing = [key for key in keys if key not in known]
    if missing:
        found = {row.key: row.id for row in await _CUSTOMERS.by(tx, "key", missing)}
        if len(remembered) + len(found) > REMEMBERED_MAX:
            remembered.clear()
        remembered.update(found)
        known |= found
    return known


def _remembered(tx: Connection) -> dict[str, UUID]:
    return cast(dict[str, UUID], tx.remembered.setdefault("customers", {}))
