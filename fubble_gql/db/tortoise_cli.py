"""Settings of Tortoise's own command line (makemigrations, history, …), named in pyproject.toml."""

from __future__ import annotations

from fubble_gql.config import load_settings
from fubble_gql.db.setup import tortoise_config

TORTOISE_ORM = tortoise_config(load_settings().database_url).to_dict()
