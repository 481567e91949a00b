"""Usage: what is recorded, once each, and what it adds up to."""
