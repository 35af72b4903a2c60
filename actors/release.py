"""Which version runs."""

from importlib.metadata import PackageNotFoundError, version


def release() -> str:
    """Return the version of the distribution."""
    try:
        return version("overround")
    except PackageNotFoundError:  # run from a checkout that was not installed
        return "0"
