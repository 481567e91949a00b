"""The catalog: metrics, and versions of plans with their price components."""
