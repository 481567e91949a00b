"""The portal as it is built from its source."""
