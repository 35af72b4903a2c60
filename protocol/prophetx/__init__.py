"""ProphetX, in both of its vocabularies."""
