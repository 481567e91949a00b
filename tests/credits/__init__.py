"""Credits: the ledger, on both databases."""
