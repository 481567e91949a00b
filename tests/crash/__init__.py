"""What was issued survives, and what was not is issued once, whatever is killed in the middle."""
