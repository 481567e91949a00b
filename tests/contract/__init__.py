"""What clients rely on, and what the code must not drift from."""
