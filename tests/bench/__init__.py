"""How fast it is, beside the fastest that the same database could be asked."""
