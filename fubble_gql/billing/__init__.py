"""Billing: subscriptions, and the bill of a period."""
