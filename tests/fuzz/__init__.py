"""Requests that a machine makes up, from the schema and from nothing."""
