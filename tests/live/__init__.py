"""Subscriptions over real sockets."""
