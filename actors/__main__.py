"""`python -m actors` is `overround`."""

from actors.cli import main

main()
