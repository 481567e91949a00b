"""Settings; the only reader of the environment."""

from __future__ import annotations

import os
import re
import sys
from difflib import get_close_matches
from pathlib import Path
from typing import Annotated, Literal
from urllib.parse import urlsplit

from pydantic import (
    AfterValidator,
    Field,
    SecretStr,
    ValidationError,
    ValidationInfo,
    field_validator,
)
from pydantic_settings import BaseSettings, SettingsConfigDict

_SCHEMES = ("sqlite", "postgresql", "postgres")
SECRET_BYTES_MIN = 32
TOKEN_CHARACTERS_MIN = 16
# prometheus_client's own name.
METRICS_FOLDER = "PROMETHEUS_MULTIPROC_DIR"
# How alike two names are, of 1, when one is taken for the other misspelt.
_ALIKE = 0.85
_ORIGIN = re.compile(r"https?://([a-z0-9.-]+|\[[0-9a-f:.]+\])(:[1-9][0-9]*)?")


class SettingsError(Exception):
    """A setting that cannot be used; the message names its variable and what to do."""


def _database_url(url: str) -> str:
    scheme, separator, rest = url.partition("://")
    if scheme not in _SCHEMES or not separator:
        raise ValueError("must start with sqlite:// (a file) or postgresql:// (a server)")
    if scheme == "sqlite" and not rest:
        raise ValueError("needs a file, as in sqlite://fubble.sqlite3")
    if scheme != "sqlite":
        try:
            has_database = bool(urlsplit(url).path.strip("/"))
            _ = urlsplit(url).port
        except ValueError as malformed:
            raise ValueError(f"is not an address: {malformed}") from None
        if not has_database:
            raise ValueError("needs a database, as in postgresql://user@host:5432/fubble")
    return url


def _secret(key: SecretStr | None) -> SecretStr | None:
    if key is not None and len(key.get_secret_value().encode()) < SECRET_BYTES_MIN:
        raise ValueError(f"needs at least {SECRET_BYTES_MIN} bytes")
    return key


def _page_url(url: str | None) -> str | None:
    if url is None:
        return None
    try:
        parts = urlsplit(url)
    except ValueError as malformed:
        raise ValueError(f"is not an address: {malformed}") from None
    if parts.scheme not in ("http", "https") or not parts.netloc:
        raise ValueError("must start with https:// (or http:// on this machine)")
    if "#" in url:
        raise ValueError("must not have a fragment (#…): the token takes that place")
    return url


def _token(token: SecretStr | None) -> SecretStr | None:
    if token is not None and len(token.get_secret_value()) < TOKEN_CHARACTERS_MIN:
        raise ValueError(f"needs at least {TOKEN_CHARACTERS_MIN} characters")
    return token


def _origins(listed: str | None) -> str | None:
    """Origins as browsers send them, without blanks."""
    origins = [one.strip() for one in listed.split(",")] if listed else []
    for origin in origins:
        if not _ORIGIN.fullmatch(origin):
            raise ValueError(
                "must list origins such as https://app.example.com, separated by commas: scheme and "
                "host in small letters, no path, never *"
            )
    return ",".join(origins) or None


class Settings(BaseSettings):
    """Everything that can be set, each from the variable FUBBLE_ and its name in capitals."""

    model_config = SettingsConfigDict(
        env_prefix="FUBBLE_", frozen=True, hide_input_in_errors=True, extra="forbid"
    )

    database_url: Annotated[str, AfterValidator(_database_url)] = Field(
        "sqlite://fubble.sqlite3",
        description="sqlite://FILE or postgresql://USER:PASSWORD@HOST:PORT/DATABASE.",
    )
    secret_key: Annotated[SecretStr | None, AfterValidator(_secret)] = Field(
        None, description="Signs portal tokens: at least 32 random bytes, the same on every worker."
    )
    portal_url: Annotated[str | None, AfterValidator(_page_url)] = Field(
        None,
        max_length=2_000,
        description="Where the customers' portal is served: createPortalSession adds the token.",
    )
    database_pool_size: int = Field(
        10, ge=1, le=1000, description="Connections to PostgreSQL that one worker may hold."
    )
    database_wait_seconds: int = Field(
        10,
        ge=1,
        le=600,
        description="How long a request waits for a connection, or for its turn at the file.",
    )
    statement_seconds: int = Field(
        30, ge=1, le=3_600, description="How long PostgreSQL may take for one statement."
    )
    requests_max: int = Field(
        100, ge=1, description="How many operations a worker runs at a time; more are refused."
    )
    request_bytes_max: int = Field(
        1_000_000, ge=1_000, description="The largest request body, in bytes."
    )
    ingest_bytes_max: int = Field(
        16_000_000, ge=1_000, description="The largest body of a request that records usage."
    )
    inflight_bytes_max: int = Field(
        64_000_000,
        description="Bytes of all bodies that a worker reads or works on; more are refused.",
    )
    body_seconds: int = Field(
        30, ge=1, le=3_600, description="How long a request body may take to arrive."
    )
    document_tokens_max: int = Field(
        5_000, ge=100, description="Tokens (names, values, punctuation) of a GraphQL document."
    )
    document_operations_max: int = Field(
        10, ge=1, description="Operations in a document, of which one runs."
    )
    document_root_fields_max: int = Field(
        20, ge=1, description="Fields at an operation's root, those of its fragments included."
    )
    document_fields_max: int = Field(
        400,
        ge=10,
        description="Fields and fragments that a document selects, a fragment's wherever it is spread.",
    )
    document_depth_max: int = Field(
        15, ge=2, le=100, description="How many fields may lie inside of each other."
    )
    document_aliases_max: int = Field(50, ge=0, description="Aliases in a document.")
    document_directives_max: int = Field(
        50, ge=0, description="Directives in a document; at one place never more than 4."
    )
    document_cost_max: int = Field(
        100_000,
        ge=100,
        description="What an operation may cost: the objects that it may return, ten for a bill.",
    )
    operation_seconds: int = Field(
        60,
        ge=2,
        le=3_600,
        description="How long an operation may take before it is stopped; more than a bill run.",
    )
    cors_origins: Annotated[str | None, AfterValidator(_origins)] = Field(
        None,
        description="Origins of other sites whose pages may call the endpoint, separated by commas.",
    )
    sockets_max: int = Field(
        500, ge=1, description="How many WebSockets a worker keeps open; more are refused."
    )
    subscriptions_max: int = Field(
        20, ge=1, le=1_000, description="Subscriptions that run over one WebSocket."
    )
    introspection: bool = Field(
        default=True,
        description=(
            "Whether operators may ask for the schema, and are told names that they may have meant; "
            "switch it off in production."
        ),
    )
    graphiql: bool = Field(
        default=True, description="Whether /graphql shows GraphiQL to a browser."
    )
    metrics: bool = Field(
        default=True, description="Whether /metrics tells Prometheus what was counted."
    )
    metrics_token: Annotated[SecretStr | None, AfterValidator(_token)] = Field(
        None,
        description="What /metrics wants as a bearer token; without one, who reaches it may read.",
    )
    log_level: Literal["info", "warning", "error"] = Field(
        "info", description="What is logged; info has a line for each operation."
    )
    compiled_reads: bool = Field(
        default=True,
        description="Whether queries are answered by plans: the same answers, only faster.",
    )
    seller_name: str = Field("", max_length=255, description="Who issues the invoices, by name.")
    seller_address: str | None = Field(
        None, max_length=10_000, description="The issuer's address, as it stands on invoices."
    )
    seller_tax_id: str | None = Field(
        None, max_length=255, description="The issuer's tax number, as it stands on invoices."
    )
    payment_terms_days: int = Field(
        30, ge=0, le=365, description="How many days after it was issued an invoice is due."
    )
    billing_run_seconds: int = Field(
        20, ge=1, le=3_600, description="How long runBilling goes on before it answers."
    )

    @field_validator("billing_run_seconds")
    @classmethod
    def _ends_before_it_is_stopped(cls, seconds: int, info: ValidationInfo) -> int:
        if seconds >= info.data.get("operation_seconds", seconds + 1):
            raise ValueError("must be less than FUBBLE_OPERATION_SECONDS")
        return seconds

    @field_validator("inflight_bytes_max")
    @classmethod
    def _has_room_for_one(cls, count: int, info: ValidationInfo) -> int:
        for name in ("request_bytes_max", "ingest_bytes_max"):
            if count < info.data.get(name, 0):
                raise ValueError(f"must be at least FUBBLE_{name.upper()}")
        return count


def load_settings(**overrides: object) -> Settings:
    """Settings from the environment.

    Raises SettingsError naming every variable that is wrong and what it must be.
    """
    if misspelt := _misspelt():
        raise SettingsError("\n".join(misspelt))
    try:
        return Settings(**overrides)  # type: ignore[arg-type] # validated by pydantic itself
    except ValidationError as error:
        reasons = (
            f"FUBBLE_{str(problem['loc'][0]).upper()} {_reason(problem['msg'])}."
            for problem in error.errors(include_input=False, include_url=False)
        )
        raise SettingsError("\n".join(reasons)) from None


def _misspelt() -> list[str]:
    """What is nearly a setting: its author would get the default, an empty database for one."""
    settings = [name.upper() for name in Settings.model_fields]
    given = (name.upper() for name in os.environ)
    own = (name.removeprefix("FUBBLE_") for name in given if name.startswith("FUBBLE_"))
    return [
        f"FUBBLE_{name} is no setting; FUBBLE_{meant[0]} is."
        for name in sorted(own)
        if name not in settings and (meant := get_close_matches(name, settings, 1, _ALIKE))
    ]


def _reason(message: str) -> str:
    reason = message.removeprefix("Value error, ").rstrip(".")
    return reason.replace("Input should", "must").replace("String should", "must")


def sqlite_file(url: str) -> Path | None:
    """The file behind a sqlite:// address; None in memory or on PostgreSQL."""
    scheme, _, rest = url.partition("://")
    path = rest.partition("?")[0]
    return Path(path) if scheme == "sqlite" and path != ":memory:" else None


def metrics_folder() -> Path | None:
    """Where workers that count together keep their files; None where there is one process."""
    folder = os.environ.get(METRICS_FOLDER)
    return Path(folder) if folder else None


def count_together(folder: Path) -> None:
    """Let processes that start from here count in files of that folder."""
    os.environ[METRICS_FOLDER] = str(folder)


def has_display() -> bool:
    """Whether a browser could show itself here."""
    names = ("DISPLAY", "WAYLAND_DISPLAY")
    return sys.platform == "darwin" or any(os.environ.get(name) for name in names)
