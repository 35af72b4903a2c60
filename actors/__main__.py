"""`overround`, also as `python -m actors`."""

import signal


def main() -> None:
    """Run the command line. Ctrl-C ends it without a word as long as its modules are imported."""
    heard = signal.signal(signal.SIGINT, signal.SIG_DFL)
    from actors.cli import main as command

    signal.signal(signal.SIGINT, heard)
    command()


if __name__ == "__main__":
    main()
