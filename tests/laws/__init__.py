"""Laws of money: whatever happens, in whatever order, the books agree."""
