"""The embedded exchange: a venue that runs in this process."""
