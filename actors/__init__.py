"""The things that run."""
