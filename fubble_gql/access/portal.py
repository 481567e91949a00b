"""Portal tokens: signed, short-lived, each for one customer. Nothing of them is stored."""

from __future__ import annotations

import re
import secrets
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import NamedTuple
from uuid import UUID

import jwt

from fubble_gql.errors import Code, refuse

AUDIENCE = "fubble-portal"
TTL_DEFAULT = timedelta(minutes=15)
TTL_MIN = timedelta(minutes=1)
TTL_MAX = timedelta(hours=24)
_ALGORITHM = "HS256"
_SHAPE = re.compile(r"(?=.{1,1000}\Z)[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+", re.ASCII)
# The instants are compared with the application's clock, not with the machine's.
_OPTIONS: jwt.types.Options = {
    "require": ["aud", "sub", "iat", "exp", "jti"],
    "strict_aud": True,
    "verify_exp": False,
    "verify_iat": False,
    "verify_nbf": False,
}


class Session(NamedTuple):
    """What a token stands for: one customer's own graph, readable until it expires."""

    customer_id: UUID
    expires_at: datetime


class Issued(NamedTuple):
    """A token as it is handed out, and the page to open with it."""

    token: str
    expires_at: datetime
    url: str | None


@dataclass(frozen=True, slots=True)
class Portal:
    """What tokens are signed with, and where the page is served that customers open with them."""

    secret_key: str | None = field(default=None, repr=False)
    url: str | None = None

    def issue(self, customer_id: UUID, ttl: timedelta, now: datetime) -> Issued:
        """A token from now on. Raises Refused: INVALID_STATE without a key to sign with."""
        if self.secret_key is None:
            raise refuse(
                Code.INVALID_STATE,
                "Portal sessions need a key to sign with: set FUBBLE_SECRET_KEY to at least 32 "
                "random bytes, the same on every worker.",
            )
        begun = now.replace(microsecond=0)  # tokens count whole seconds
        claims = {
            "aud": AUDIENCE,
            "sub": customer_id.hex,
            "iat": int(begun.timestamp()),
            "exp": int((begun + ttl).timestamp()),
            "jti": secrets.token_urlsafe(16),
        }
        token = jwt.encode(claims, self.secret_key, _ALGORITHM)
        # A fragment reaches neither servers nor their logs.
        return Issued(token, begun + ttl, f"{self.url}#token={token}" if self.url else None)

    def read(self, token: str, now: datetime) -> Session | None:
        """What a token stands for; None when it is not one of ours, or has expired by now."""
        if self.secret_key is None or not _SHAPE.fullmatch(token):
            return None
        try:
            claims = jwt.decode(
                token, self.secret_key, [_ALGORITHM], options=_OPTIONS, audience=AUDIENCE
            )
            found = Session(UUID(hex=claims["sub"]), _instant(claims["exp"]))
        # Deep JSON in a header, which is read before its signature, is a RecursionError.
        except (jwt.InvalidTokenError, ValueError, TypeError, ArithmeticError, RecursionError):
            return None
        return found if now < found.expires_at else None


def ttl(seconds: int | None, *path: str) -> timedelta:
    """How long a token works: 15 minutes unless said.

    Raises Refused: INVALID for less than a minute or more than a day.
    """
    wanted = TTL_DEFAULT if seconds is None else timedelta(seconds=seconds)
    if not TTL_MIN <= wanted <= TTL_MAX:
        shortest, longest = (int(one.total_seconds()) for one in (TTL_MIN, TTL_MAX))
        raise refuse(Code.INVALID, f"Take from {shortest} to {longest} seconds.", *path)
    return wanted


def _instant(seconds: object) -> datetime:
    if not isinstance(seconds, int) or isinstance(seconds, bool):
        raise TypeError("An instant is a whole number of seconds.")
    return datetime.fromtimestamp(seconds, UTC)
