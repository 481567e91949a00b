"""The ledger of credit: drawn, given back, cancelled, and always equal to the sum of its entries."""

from __future__ import annotations

import asyncio
from datetime import datetime, timedelta
from decimal import Decimal
from uuid import UUID, uuid4

import pytest

from fubble_gql.credits import ledger
from fubble_gql.credits.entries import Overdrawn
from fubble_gql.credits.ledger import InvoiceDraw, Remainder
from fubble_gql.credits.new_grant import NewGrant
from fubble_gql.credits.rows import (
    CREDIT_GRANTS,
    CreditGrantRow,
    CreditStatus,
    has_status,
    status_at,
)
from fubble_gql.db.connection import Connection
from fubble_gql.db.refs import Ref
from fubble_gql.db.sql import sql
from fubble_gql.errors import Code, Refused
from fubble_gql.pricing.credit import Grant
from tests.credits.builders import (
    NOW,
    balance,
    check,
    drawn,
    entries,
    entry_rows,
    granted,
    grants,
    paid,
    returned,
    the_grant,
)
from tests.statements import collected_statements
from tests.usage.builders import make_customer

DAY = timedelta(days=1)
MOMENT = timedelta(microseconds=1)
on_postgresql = pytest.mark.parametrize("database_url", ["postgres"], indirect=True)


async def left(db: Connection, customer: UUID, amount: str, invoice: UUID) -> None:
    """Let an invoice below zero leave its remainder."""
    remainder = Remainder(customer, invoice, Decimal(amount), "Left by an invoice")
    await db.transaction(lambda tx: ledger.grant_remainders(tx, [remainder], NOW))


async def taken_back(db: Connection, invoice: UUID, now: datetime = NOW) -> None:
    """Take it back, as voiding does."""
    await db.transaction(lambda tx: ledger.take_back_remainder(tx, invoice, now))


async def test_a_grant_begins_with_the_entry_of_its_whole_amount(db: Connection) -> None:
    customer = await make_customer(db)

    row = await ledger.grant(db, NewGrant(Ref(id=customer), Decimal("12.50")), NOW)

    assert row == CreditGrantRow(
        id=row.id,
        customer_id=customer,
        type="PREPAID",
        amount=Decimal("12.5"),
        remaining=Decimal("12.5"),
        priority=50,
        description=None,
        effective_at=NOW,
        expires_at=None,
        created_at=NOW,
        cancelled_at=None,
        invoice_id=None,
    )
    (entry,) = await entry_rows(db, row.id)
    assert entry[1:] == (row.id, 1, Decimal("12.5"), Decimal("12.5"), "Granted", None, NOW)


async def test_each_draw_is_an_entry_with_what_remains_after_it(db: Connection) -> None:
    await make_customer(db)
    first, second = await granted(db), await granted(db, "9")
    invoice, other = uuid4(), uuid4()

    await drawn(db, invoice, (first, "10.05"), (second, "9"), (first, "0.95"))
    await drawn(db, other, (first, "80"))

    assert await entries(db, first) == [
        ("100", "100"),
        ("-10.05", "89.95"),
        ("-0.95", "89"),
        ("-80", "9"),
    ]
    assert await entries(db, second) == [("9", "9"), ("-9", "0")]
    assert [row.invoice_id for row in await entry_rows(db, first)] == [
        None,
        invoice,
        invoice,
        other,
    ]
    await check(db)


async def test_an_entry_of_zero_is_never_written(db: Connection) -> None:
    customer = await make_customer(db)
    grant = await granted(db)

    await drawn(db, uuid4(), (grant, "0"))
    await left(db, customer, "0", uuid4())
    await drawn(db, uuid4())

    assert await entries(db, grant) == [("100", "100")]
    assert len(await grants(db)) == 1


async def test_more_than_remains_is_refused_and_changes_nothing(db: Connection) -> None:
    await make_customer(db)
    whole, grant = await granted(db), await granted(db, "10")

    with pytest.raises(Overdrawn):
        await drawn(db, uuid4(), (whole, "5"), (grant, "6"), (grant, "4.01"))

    assert await entries(db, whole) == [("100", "100")]
    assert await entries(db, grant) == [("10", "10")]


def test_amounts_of_credit_are_not_below_zero() -> None:
    with pytest.raises(ValueError, match="below zero"):
        InvoiceDraw(uuid4(), uuid4(), Decimal("-0.01"), "")
    with pytest.raises(ValueError, match="below zero"):
        Remainder(uuid4(), uuid4(), Decimal("-0.01"), "")


async def test_only_what_can_be_spent_at_the_instant_is_spendable(db: Connection) -> None:
    customer, nobody = await make_customer(db), await make_customer(db, "other")
    expiring = await granted(db, "1", expires_at=NOW + DAY)
    later = await granted(db, "2", effective_at=NOW + DAY)
    empty = await granted(db, "4")
    cancelled = await granted(db, "8")
    await drawn(db, uuid4(), (empty, "4"))
    await ledger.cancel(db, cancelled, NOW)

    async def found(at: timedelta) -> list[UUID]:
        spendable = await ledger.spendable(db, [customer, nobody], NOW + at)
        assert spendable.keys() == {customer, nobody}
        assert spendable[nobody] == []
        return [grant.id for grant in spendable[customer]]

    assert await found(-MOMENT) == []
    assert await found(0 * DAY) == [expiring]
    assert await found(DAY - MOMENT) == [expiring]
    assert await found(DAY) == [later]


async def test_a_spendable_grant_is_read_as_it_is(db: Connection) -> None:
    customer = await make_customer(db)
    begun, end = NOW - DAY, NOW + DAY
    id = await granted(db, "7.25", priority=3, effective_at=begun, expires_at=end)

    found = await ledger.spendable(db, [customer], NOW)
    locked = await db.transaction(lambda tx: ledger.spendable(tx, [customer], NOW, lock=True))

    expected = Grant(id, Decimal("7.25"), 3, begun, end, NOW)
    assert found == locked == {customer: [expected]}


async def test_a_void_returns_draws_to_their_grants_once(db: Connection) -> None:
    await make_customer(db)
    first, second = await granted(db), await granted(db, "9")
    invoice, other = uuid4(), uuid4()
    await drawn(db, invoice, (first, "10"), (second, "9"), (first, "1"))
    await drawn(db, other, (first, "5"))

    for _ in range(2):
        await returned(db, invoice)

    assert await entries(db, first) == [
        ("100", "100"),
        ("-10", "90"),
        ("-1", "89"),
        ("-5", "84"),
        ("11", "95"),
    ]
    assert await entries(db, second) == [("9", "9"), ("-9", "0"), ("9", "9")]
    last = (await entry_rows(db, first))[-1]
    assert (last.invoice_id, last.description) == (invoice, "Voided")
    assert len(await grants(db)) == 2
    await check(db)


async def test_a_draw_on_an_expired_grant_returns_as_a_refund_of_its_priority(
    db: Connection,
) -> None:
    customer = await make_customer(db)
    alive = await granted(db, "20")
    expiring = await granted(db, "30", priority=7, expires_at=NOW + DAY)
    invoice = uuid4()
    await drawn(db, invoice, (expiring, "25"), (alive, "5"))

    for _ in range(2):
        await returned(db, invoice, NOW + DAY)

    assert await entries(db, alive) == [("20", "20"), ("-5", "15"), ("5", "20")]
    assert await entries(db, expiring) == [("30", "30"), ("-25", "5")]
    refund = (await grants(db))[-1]
    assert refund == CreditGrantRow(
        id=refund.id,
        customer_id=customer,
        type="REFUND",
        amount=Decimal(25),
        remaining=Decimal(25),
        priority=7,
        description="Voided",
        effective_at=NOW + DAY,
        expires_at=None,
        created_at=NOW + DAY,
        cancelled_at=None,
        invoice_id=invoice,
    )
    assert len(await grants(db)) == 3
    (entry,) = await entry_rows(db, refund.id)
    assert (entry.description, entry.invoice_id) == ("Voided", invoice)
    await check(db)


async def test_a_draw_returns_to_a_grant_that_expires_a_moment_later(db: Connection) -> None:
    await make_customer(db)
    grant = await granted(db, "30", expires_at=NOW + DAY)
    await drawn(db, (invoice := uuid4()), (grant, "30"))

    await returned(db, invoice, NOW + DAY - MOMENT)

    assert await entries(db, grant) == [("30", "30"), ("-30", "0"), ("30", "30")]


async def test_a_draw_on_a_cancelled_grant_returns_as_a_refund(db: Connection) -> None:
    customer = await make_customer(db)
    grant = await granted(db, "30")
    await drawn(db, (invoice := uuid4()), (grant, "10"))
    await ledger.cancel(db, grant, NOW)

    await returned(db, invoice)

    assert await entries(db, grant) == [("30", "30"), ("-10", "20"), ("-20", "0")]
    assert [(row.type, row.amount) for row in await grants(db)] == [
        ("PREPAID", Decimal(30)),
        ("REFUND", Decimal(10)),
    ]
    assert await balance(db, customer) == 10


async def test_what_was_refunded_stays_so_when_the_refund_is_spent_and_cancelled(
    db: Connection,
) -> None:
    customer = await make_customer(db)
    grant = await granted(db, "30", expires_at=NOW + DAY)
    await drawn(db, (invoice := uuid4()), (grant, "30"))
    await returned(db, invoice, NOW + DAY)
    refund = (await grants(db))[-1].id
    await drawn(db, (later := uuid4()), (refund, "12"), now=NOW + DAY)
    await ledger.cancel(db, refund, NOW + DAY)

    await returned(db, invoice, NOW + DAY)
    assert len(await grants(db)) == 2
    await returned(db, later, NOW + DAY)

    assert [(row.type, row.amount, row.invoice_id) for row in (await grants(db))[2:]] == [
        ("REFUND", Decimal(12), later)
    ]
    assert await balance(db, customer, NOW + DAY) == 12
    await check(db)


async def test_a_refund_covers_one_draw_and_no_later_one(db: Connection) -> None:
    customer = await make_customer(db)
    expiring, other = await granted(db, "10", expires_at=NOW + DAY), await granted(db, "5")
    await drawn(db, (invoice := uuid4()), (expiring, "10"))
    await returned(db, invoice, NOW + DAY)
    await drawn(db, invoice, (other, "5"), now=NOW + DAY)
    await ledger.cancel(db, other, NOW + DAY)

    for _ in range(2):
        await returned(db, invoice, NOW + DAY)

    assert [(row.type, row.amount) for row in (await grants(db))[2:]] == [
        ("REFUND", Decimal(10)),
        ("REFUND", Decimal(5)),
    ]
    assert await balance(db, customer, NOW + DAY) == 15


async def test_an_invoice_that_drew_nothing_has_nothing_to_return(db: Connection) -> None:
    customer = await make_customer(db)
    await left(db, customer, "5", invoice := uuid4())

    await returned(db, invoice)
    await returned(db, uuid4())

    assert [(row.type, row.remaining) for row in await grants(db)] == [("ADJUSTMENT", Decimal(5))]


async def test_an_invoice_below_zero_leaves_an_adjustment_without_expiry(db: Connection) -> None:
    customer = await make_customer(db)

    await left(db, customer, "4.20", invoice := uuid4())

    (row,) = await grants(db)
    assert row == CreditGrantRow(
        id=row.id,
        customer_id=customer,
        type="ADJUSTMENT",
        amount=Decimal("4.2"),
        remaining=Decimal("4.2"),
        priority=50,
        description="Left by an invoice",
        effective_at=NOW,
        expires_at=None,
        created_at=NOW,
        cancelled_at=None,
        invoice_id=invoice,
    )
    (entry,) = await entry_rows(db, row.id)
    assert (entry.description, entry.invoice_id) == ("Left by an invoice", invoice)


async def test_a_remainder_is_taken_back_with_its_invoice_once(db: Connection) -> None:
    customer = await make_customer(db)
    await left(db, customer, "5", invoice := uuid4())
    await left(db, customer, "7", uuid4())

    for now in (NOW, NOW + DAY):
        await taken_back(db, invoice, now)
    await taken_back(db, uuid4())

    first, second = await grants(db)
    assert first.cancelled_at == NOW
    assert await entries(db, first.id) == [("5", "5"), ("-5", "0")]
    assert await entries(db, second.id) == [("7", "7")]
    assert await balance(db, customer) == 7


@pytest.mark.parametrize("is_cancelled", [False, True])
async def test_a_remainder_that_was_spent_is_not_taken_back(
    db: Connection, is_cancelled: bool
) -> None:
    customer = await make_customer(db)
    await left(db, customer, "5", invoice := uuid4())
    (row,) = await grants(db)
    await drawn(db, (spender := uuid4()), (row.id, "0.01"))
    if is_cancelled:
        await ledger.cancel(db, row.id, NOW)
    before = await entries(db, row.id)

    with pytest.raises(Refused) as refused:
        await taken_back(db, invoice)

    (problem,) = refused.value.problems
    assert (problem.code, problem.path) == (Code.INVALID_STATE, ("invoiceId",))
    assert await entries(db, row.id) == before
    if not is_cancelled:
        await returned(db, spender)
        await taken_back(db, invoice)
        assert await balance(db, customer) == 0
    await check(db)


async def test_a_remainder_cancelled_by_hand_is_taken_back_already(db: Connection) -> None:
    customer = await make_customer(db)
    await left(db, customer, "5", invoice := uuid4())
    (row,) = await grants(db)
    await ledger.cancel(db, row.id, NOW)

    await taken_back(db, invoice)

    assert await entries(db, row.id) == [("5", "5"), ("-5", "0")]


async def test_each_status_in_sql_is_the_one_that_is_computed(db: Connection) -> None:
    await make_customer(db)
    await granted(db, "1")
    await granted(db, "1", effective_at=NOW + 2 * DAY)
    await granted(db, "1", expires_at=NOW + DAY)
    consumed = await granted(db, "10", expires_at=NOW + DAY)
    await drawn(db, uuid4(), (consumed, "10"))
    for _ in range(2):
        await ledger.cancel(db, await granted(db, "1", expires_at=NOW + DAY), NOW)

    for at in (NOW, NOW + DAY - MOMENT, NOW + DAY):
        for status in CreditStatus:
            listed = await CREDIT_GRANTS.select(db, sql("where") + has_status(status, at))
            computed = [row for row in await grants(db) if status_at(row, at) is status]
            assert sorted(listed) == sorted(computed), (status, at)
    counts = [status_at(row, NOW + DAY) for row in await grants(db)]
    assert [counts.count(status) for status in CreditStatus] == [2, 1, 1, 2]


async def test_the_number_of_statements_does_not_grow(db: Connection) -> None:
    customers = [await make_customer(db, f"c{n}") for n in range(12)]
    ids = [await granted(db, "50", f"c{n}") for n in range(12)]
    expiring = [await granted(db, "50", f"c{n}", expires_at=NOW + DAY) for n in range(12)]

    async def counted(size: int) -> list[int]:
        invoice, numbers = uuid4(), []

        async def work(tx: Connection) -> None:
            takes = [*ids[:size], *expiring[:size]]
            draws = [InvoiceDraw(invoice, id, Decimal(1), "Invoice") for id in takes]
            remainders = [Remainder(id, uuid4(), Decimal(1), "Left") for id in customers[:size]]
            for step in (
                lambda: ledger.spendable(tx, customers[:size], NOW, lock=True),
                lambda: ledger.draw(tx, draws, NOW),
                lambda: ledger.give_back(tx, invoice, "Voided", NOW + DAY),
                lambda: ledger.grant_remainders(tx, remainders, NOW),
            ):
                with collected_statements() as statements:
                    await step()
                numbers.append(len(statements))

        await db.transaction(work)
        return numbers

    assert await counted(2) == [1, 4, 9, 2]
    assert await counted(12) == [1, 4, 9, 2]
    await check(db)


async def test_twenty_invoices_at_once_never_overdraw(db: Connection) -> None:
    customer = await make_customer(db)
    ids = [await granted(db, "10", priority=n) for n in range(5)]

    due = await asyncio.gather(*(paid(db, customer, uuid4(), Decimal(3)) for _ in range(20)))

    assert sum(due) == 10
    assert [row.remaining for row in await grants(db)] == [0] * 5
    assert {row.id for row in await grants(db)} == set(ids)
    await check(db)


async def test_cancelling_while_invoices_draw_loses_nothing(db: Connection) -> None:
    customer = await make_customer(db)
    grant = await granted(db, "100")

    calls = [paid(db, customer, uuid4(), Decimal(7)) for _ in range(10)]
    await asyncio.gather(*calls[:5], ledger.cancel(db, grant, NOW), *calls[5:])

    row = await the_grant(db, grant)
    assert row.remaining == 0
    assert row.cancelled_at == NOW
    assert await balance(db, customer) == 0
    await check(db)


@on_postgresql
async def test_a_draw_waits_for_who_holds_the_grants(db: Connection) -> None:
    customer = await make_customer(db)
    grant = await granted(db, "10")

    async def hold(tx: Connection) -> asyncio.Task[Decimal]:
        await ledger.spendable(tx, [customer], NOW, lock=True)
        waiting = asyncio.create_task(paid(db, customer, uuid4(), Decimal(10)))
        await asyncio.sleep(0.2)
        assert not waiting.done()
        await ledger.draw(tx, [InvoiceDraw(uuid4(), grant, Decimal(4), "Invoice")], NOW)
        return waiting

    assert await (await db.transaction(hold)) == 4
    assert await entries(db, grant) == [("10", "10"), ("-4", "6"), ("-6", "0")]


async def test_returning_twice_at_once_returns_once(db: Connection) -> None:
    customer = await make_customer(db)
    alive, expiring = await granted(db, "10"), await granted(db, "10", expires_at=NOW + DAY)
    await drawn(db, (invoice := uuid4()), (alive, "4"), (expiring, "5"))

    await asyncio.gather(*(returned(db, invoice, NOW + DAY) for _ in range(5)))

    assert await balance(db, customer, NOW + DAY) == 15
    assert [row.type for row in await grants(db)] == ["PREPAID", "PREPAID", "REFUND"]
    await check(db)
