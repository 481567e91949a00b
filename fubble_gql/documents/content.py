"""The document as the template lays it out: every number, date and label already a text."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import groupby
from zoneinfo import ZoneInfo

from fubble_gql.documents import wording
from fubble_gql.documents.characters import on_one_line, written
from fubble_gql.documents.invoice import Document, Group, Line, LineKind, Step
from fubble_gql.pricing.money import round_money
from fubble_gql.pricing.period import Period
from fubble_gql.pricing.wallclock import zone

Json = str | None | Sequence["Json"] | Mapping[str, "Json"]

# Kinds that a description does not tell by itself.
_KINDS_SAID = {LineKind.ADJUSTMENT: "Adjustment"}
# Labels of steps that say no more than their line.
_PLAIN_STEPS = frozenset({"Usage", "No usage", "Fee", "Flat fee", "Committed"})
# Steps are exact: a share of a period may have fifty decimals.
_STEP_PLACES_MAX = 12


def content(document: Document) -> dict[str, Json]:
    """What the template shows, and where."""
    place = zone(document.timezone)
    return {
        "title": f"Invoice {document.number}",
        "number": document.number,
        "seller": _seller(document),
        "billTo": _bill_to(document),
        "facts": [[name, text] for name, text in _facts(document, place)],
        "groups": list(_groups(document, place)),
        "totals": [[name, text] for name, text in _totals(document)],
        "total": wording.money(document.total, document.currency),
        "notes": _optional(document.notes),
        "terms": _optional(document.seller.payment_terms),
    }


def _seller(document: Document) -> dict[str, Json]:
    seller = document.seller
    tax_id = None if seller.tax_id is None else f"Tax ID: {seller.tax_id}"
    return {
        "name": written(seller.name),
        "details": [written(each) for each in (seller.address, tax_id) if each],
    }


def _bill_to(document: Document) -> dict[str, Json]:
    recipient = document.bill_to
    details = (recipient.billing_address, recipient.email)
    name, company = recipient.name, recipient.company_name
    if company and company != name:
        return {"name": written(company), "details": _written(name, *details)}
    return {"name": written(name), "details": _written(*details)}


def _facts(document: Document, place: ZoneInfo) -> Iterator[tuple[str, str]]:
    yield "Invoice number", document.number
    yield "Issued", wording.date(document.issued_at, place)
    if document.due_at is not None:
        yield "Due", wording.date(document.due_at, place)
    if document.period is not None:
        yield "Period", wording.span(document.period, place)
    yield "Timezone", document.timezone


def _groups(document: Document, place: ZoneInfo) -> Iterator[dict[str, Json]]:
    """Neighbouring lines of one group, numbered through."""
    numbered = enumerate(document.lines, start=1)
    title: str | None = None
    for group, lines in groupby(numbered, key=lambda each: each[1].group):
        said = document.period if group is None else group.period
        # A title stands above all that follows it, so what comes after a group needs its own.
        title = _group_title(group, place) if group else title and "Other"
        yield {
            "title": title,
            "lines": [_line(document, number, line, said, place) for number, line in lines],
        }


def _group_title(group: Group, place: ZoneInfo) -> str:
    if group.period is None:
        return on_one_line(group.title)
    return f"{on_one_line(group.title)}, {wording.span(group.period, place)}"


def _line(
    document: Document, number: int, line: Line, said: Period | None, place: ZoneInfo
) -> dict[str, Json]:
    """Where steps are shown, their prices stand for the line's, which is an average of them."""
    steps = [] if _says_all(line, document.currency) else [_step(step) for step in line.steps]
    unit_price = None if steps else line.unit_price
    return {
        "position": str(number),
        "description": written(line.description),
        "details": _details(line, said, place),
        "quantity": wording.number(line.quantity),
        "unitPrice": None if unit_price is None else wording.number(unit_price),
        "amount": wording.money(line.amount, document.currency),
        "steps": steps,
    }


def _details(line: Line, said: Period | None, place: ZoneInfo) -> str | None:
    """Its kind where that is no matter of course, its period where nothing above says it."""
    kind = _KINDS_SAID.get(line.kind)
    period = None if line.period in {None, said} else wording.span(line.period, place)
    return ", ".join(each for each in (kind, period) if each) or None


def _says_all(line: Line, currency: str) -> bool:
    """Whether the line has no steps, or a single one that tells nothing more than it."""
    match line.steps:
        case ():
            return True
        case (step,):
            same = (step.quantity, step.unit_price) == (line.quantity, line.unit_price)
            rounded = round_money(step.amount, currency) == line.amount
            return same and rounded and step.label in _PLAIN_STEPS and not _tier(step)
        case _:
            return False


def _step(step: Step) -> dict[str, Json]:
    tier = _tier(step)
    return {
        "label": on_one_line(f"{step.label}: {tier}" if tier else step.label),
        "quantity": wording.number(step.quantity),
        "unitPrice": wording.number(step.unit_price),
        "amount": wording.number(step.amount, _STEP_PLACES_MAX),
    }


def _tier(step: Step) -> str:
    fee = f"flat fee {wording.number(step.flat_fee)}" if step.flat_fee else ""
    return ", ".join(each for each in (wording.tier_bounds(step), fee) if each)


def _totals(document: Document) -> Iterator[tuple[str, str]]:
    """What stands between the lines and the total; nothing where the total is all there is."""
    currency = document.currency
    if document.credits or document.carried_over:
        yield "Subtotal", wording.money(document.subtotal, currency)
    for credit in document.credits:
        yield on_one_line(credit.description), wording.money(-credit.amount, currency)
    if len(document.credits) > 1:
        yield "Credits applied", wording.money(-document.credits_applied, currency)
    if document.carried_over:
        yield "Carried over as credit", wording.money(document.carried_over, currency)


def _written(*texts: str | None) -> list[Json]:
    return [written(text) for text in texts if text]


def _optional(text: str | None) -> str | None:
    return written(text) if text else None
