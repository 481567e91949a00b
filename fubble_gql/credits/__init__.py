"""Credits: what customers were granted, and the ledger of what became of it."""
