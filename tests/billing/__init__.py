"""Lives, pieces, attribution: what is decided before anything is rated."""
