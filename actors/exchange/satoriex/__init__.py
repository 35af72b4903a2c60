"""The embedded SatoriEx: a venue that answers now and matches later."""
