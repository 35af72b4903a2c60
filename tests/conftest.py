import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]


@pytest.fixture
def root() -> Path:
    """The checkout."""
    return ROOT


@pytest.fixture
def overround() -> list[str]:
    """The command as this interpreter runs it."""
    return [sys.executable, "-m", "actors"]
