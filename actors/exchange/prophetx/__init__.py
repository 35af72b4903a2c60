"""An exchange that speaks ProphetX, in both of its vocabularies."""
