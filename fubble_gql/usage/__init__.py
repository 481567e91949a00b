"""Usage: events recorded once, and what they add up to."""
