"""Databases that are copied, so that one history can be disturbed and another left alone."""

from tests.laws.conftest import databases

__all__ = ["databases"]
