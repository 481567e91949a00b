"""The examples that GraphiQL opens with: each works on the demo data at the first click."""

from __future__ import annotations

from fubble_gql.api.ide import Tab

EXAMPLES: list[Tab] = []
