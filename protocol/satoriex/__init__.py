"""The SatoriEx dialect: whole shares at whole basis points, plain JSON frames, and a socket that only hints."""
