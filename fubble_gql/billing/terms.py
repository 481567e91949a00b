"""The terms that an invoice was rated on, as it keeps them: pieces, commitments, what stood before."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from fubble_gql.billing.pieces import Need, Planned
from fubble_gql.billing.sheet import Sheet
from fubble_gql.billing.standing import Billed, Standing
from fubble_gql.pricing.period import Period
from fubble_gql.usage.aggregate import Scope, Stretch

Json = Mapping[str, Any]


def written(sheet: Sheet, timezones: Mapping[UUID, str]) -> Json:
    """What the sheet was rated on, besides its events; `timezones` by subscription."""
    pieces = (*sheet.pieces, *sheet.again)
    return {
        "timezones": {str(one.subscription_id): timezones[one.subscription_id] for one in pieces},
        "pieces": [_piece(one) for one in sheet.pieces],
        "again": [_piece(one) for one in sheet.again],
        "standing": [_stands(billed, amount) for billed, amount in (sheet.standing or {}).items()],
    }


def pieces_in(terms: Json) -> tuple[Planned, ...]:
    """The pieces that it bills."""
    return tuple(_read_piece(one) for one in terms["pieces"])


def again_in(terms: Json) -> tuple[Planned, ...]:
    """The pieces of earlier invoices that it adjusts."""
    return tuple(_read_piece(one) for one in terms["again"])


def standing_in(terms: Json) -> Standing:
    """What stood on invoices for both when it was finalised."""
    return {
        Billed(
            UUID(one["subscription"]),
            _id(one["component"]),
            _id(one["metric"]),
            datetime.fromisoformat(one["span"][0]),
            datetime.fromisoformat(one["span"][1]),
        ): Decimal(one["amount"])
        for one in terms["standing"]
    }


def commitments_in(pieces: Iterable[Planned]) -> set[UUID]:
    """The commitments that the pieces are under."""
    return {need.commitment_id for one in pieces for need in one.needs if need.commitment_id}


def _piece(piece: Planned) -> Json:
    return {
        "subscription": str(piece.subscription_id),
        "plan": str(piece.plan_id),
        "span": _span(piece.span),
        "whole": _span(piece.whole),
        "inTrial": piece.in_trial,
        "resting": [str(id) for id in piece.resting],
        "needs": [_need(need) for need in piece.needs],
    }


def _read_piece(written: Json) -> Planned:
    return Planned(
        subscription_id=UUID(written["subscription"]),
        plan_id=UUID(written["plan"]),
        span=_read_span(written["span"]),
        whole=_read_span(written["whole"]),
        in_trial=written["inTrial"],
        resting=tuple(UUID(id) for id in written["resting"]),
        needs=tuple(_read_need(one) for one in written["needs"]),
    )


def _need(need: Need) -> Json:
    return {
        "metric": str(need.metric_id),
        "span": _span(need.span),
        "component": _text(need.component_id),
        "commitment": _text(need.commitment_id),
        "stretches": [
            {
                "span": _span(one.span),
                "subscription": _text(one.scope.subscription_id),
                "unnamed": one.scope.unnamed,
                "everything": one.scope.everything,
            }
            for one in need.stretches
        ],
    }


def _read_need(written: Json) -> Need:
    return Need(
        metric_id=UUID(written["metric"]),
        span=_read_span(written["span"]),
        component_id=_id(written["component"]),
        commitment_id=_id(written["commitment"]),
        stretches=tuple(
            Stretch(
                _read_span(one["span"]),
                Scope(one["everything"], _id(one["subscription"]), one["unnamed"]),
            )
            for one in written["stretches"]
        ),
    )


def _stands(billed: Billed, amount: Decimal) -> Json:
    return {
        "subscription": str(billed.subscription_id),
        "component": _text(billed.component_id),
        "metric": _text(billed.metric_id),
        "span": [billed.start.isoformat(), billed.end.isoformat()],
        "amount": amount,
    }


def _span(span: Period) -> list[str]:
    return [span.start.isoformat(), span.end.isoformat()]


def _read_span(written: list[str]) -> Period:
    return Period(datetime.fromisoformat(written[0]), datetime.fromisoformat(written[1]))


def _text(id: UUID | None) -> str | None:
    return None if id is None else str(id)


def _id(text: str | None) -> UUID | None:
    return None if text is None else UUID(text)
