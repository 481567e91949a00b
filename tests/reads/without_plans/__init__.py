"""What no plan may change, tested once more where there are none."""
