"""The REST endpoints, each a function of a visit."""
