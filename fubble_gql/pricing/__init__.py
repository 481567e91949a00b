"""Decimal in, explained amounts out: what usage costs, decided from values alone."""

from fubble_gql.pricing.money import use_exact_context

use_exact_context()
