"""Customers: whom is billed."""
