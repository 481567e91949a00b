"""Portal tokens: what opens a customer's own graph, and the many things that do not."""

from __future__ import annotations

import base64
import json
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import jwt
import pytest

from fubble_gql.access.portal import AUDIENCE, Portal, Session, ttl
from fubble_gql.errors import Refused

KEY = "a key that is long enough for every algorithm that takes a secret"
PORTAL = Portal(KEY, "https://billing.example.com/portal/")
CUSTOMER = UUID("01890000-0000-7000-8000-000000000001")
NOW = datetime(2026, 5, 10, 12, 0, 0, 900_000, tzinfo=UTC)
QUARTER = timedelta(minutes=15)


def claims(**changed: object) -> dict[str, Any]:
    """A token's claims as we make them, but for what is changed; None leaves a claim out."""
    begun = int(NOW.timestamp())
    usual = {
        "aud": AUDIENCE,
        "sub": CUSTOMER.hex,
        "iat": begun,
        "exp": begun + 900,
        "jti": "once",
    }
    return {name: value for name, value in {**usual, **changed}.items() if value is not None}


def token(key: str = KEY, algorithm: str = "HS256", **changed: object) -> str:
    """A token that somebody else made."""
    return jwt.encode(claims(**changed), key, algorithm)


def part(content: object) -> str:
    """One part of a token."""
    text = content if isinstance(content, str) else json.dumps(content)
    return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")


def test_a_token_stands_for_its_customer_until_it_expires() -> None:
    issued = PORTAL.issue(CUSTOMER, QUARTER, NOW)
    expiry = datetime(2026, 5, 10, 12, 15, tzinfo=UTC)

    assert issued.expires_at == expiry
    assert PORTAL.read(issued.token, NOW) == Session(CUSTOMER, expiry)
    assert PORTAL.read(issued.token, expiry - timedelta(microseconds=1)) is not None
    assert PORTAL.read(issued.token, expiry) is None


def test_it_is_a_jwt_that_says_nothing_but_who_and_how_long() -> None:
    issued = PORTAL.issue(CUSTOMER, QUARTER, NOW)

    header = jwt.get_unverified_header(issued.token)
    content = jwt.decode(issued.token, options={"verify_signature": False})

    assert header == {"alg": "HS256", "typ": "JWT"}
    assert set(content) == {"aud", "sub", "iat", "exp", "jti"}
    assert (content["aud"], content["sub"]) == ("fubble-portal", CUSTOMER.hex)
    assert content["exp"] - content["iat"] == 900


def test_each_is_another_one() -> None:
    first, second = (PORTAL.issue(CUSTOMER, QUARTER, NOW) for _ in range(2))

    assert first.token != second.token


def test_the_link_has_the_token_in_its_fragment() -> None:
    issued = PORTAL.issue(CUSTOMER, QUARTER, NOW)

    assert issued.url == f"https://billing.example.com/portal/#token={issued.token}"
    assert Portal(KEY).issue(CUSTOMER, QUARTER, NOW).url is None


@pytest.mark.parametrize(
    "forged",
    [
        token(key=KEY[::-1]),
        token(algorithm="HS512"),
        token(aud="fubble"),
        token(aud=[AUDIENCE]),
        token(aud=None),
        token(sub=None),
        token(iat=None),
        token(exp=None),
        token(jti=None),
        token(exp=int(NOW.timestamp())),
        token(exp=10**30),
        token(exp=True),
        token(sub=""),
        token(sub="acme"),
        token(sub="01890000"),
        token() + "A",
        token()[:-1],
        token().rsplit(".", 1)[0] + ".",
        token().rsplit(".", 1)[0],
        f"{part({'alg': 'none', 'typ': 'JWT'})}.{part(claims())}.",
        f"{part({'alg': 'none', 'typ': 'JWT'})}.{part(claims())}.AA",
        f"{part({'alg': 'HS256', 'crit': ['b64'], 'b64': False})}.{part(claims())}.AA",
        f"{part('[' * 600)}.{part(claims())}.AA",
        f"{part('1' * 500)}.{part(claims())}.AA",
        f"{part('null')}.{part('null')}.AA",
        f"{token()}.{token()}",
        " " + token(),
        token() + "\n",
        "a.b.c",
        "..",
        "",
        "x" * 5_000,
        "é.é.é",
    ],
)
def test_no_other_token_is_taken(forged: str) -> None:
    assert PORTAL.read(forged, NOW) is None


def test_the_forgeries_differ_from_a_good_token_by_what_they_forge() -> None:
    assert PORTAL.read(token(), NOW) == Session(CUSTOMER, NOW.replace(microsecond=0) + QUARTER)


def test_the_applications_clock_decides_and_not_the_machines() -> None:
    long_ago, far_ahead = (datetime(year, 1, 1, tzinfo=UTC) for year in (1999, 2099))

    for now in (long_ago, far_ahead):
        assert PORTAL.read(PORTAL.issue(CUSTOMER, QUARTER, now).token, now) is not None


def test_without_a_key_nothing_is_signed_and_nothing_is_taken() -> None:
    with pytest.raises(Refused, match="FUBBLE_SECRET_KEY"):
        Portal().issue(CUSTOMER, QUARTER, NOW)

    assert Portal().read(token(), NOW) is None
    assert Portal().read(jwt.encode(claims(), None, "none"), NOW) is None


def test_a_session_takes_a_minute_to_a_day() -> None:
    assert ttl(None) == QUARTER
    assert ttl(60) == timedelta(minutes=1)
    assert ttl(86_400) == timedelta(days=1)
    for seconds in (59, 0, -1, 86_401, 2**31 - 1):
        with pytest.raises(Refused, match="Take from 60 to 86400 seconds"):
            ttl(seconds)


def test_the_key_is_not_in_what_a_log_would_show() -> None:
    assert KEY not in repr(PORTAL)
