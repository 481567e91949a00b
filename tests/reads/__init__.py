"""Compiled reads: proofs that they answer as the stock executor does."""
