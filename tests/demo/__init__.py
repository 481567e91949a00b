"""The demo's data: what is promised of them, and that loading can be repeated."""
