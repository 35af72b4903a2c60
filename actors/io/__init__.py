"""Bytes to and from a venue: the only rooms that import the network's libraries."""
