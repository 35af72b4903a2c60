import json
import re
import subprocess
import sys
import tomllib
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path

import attrs
import pytest

from actors.config import Config, PairConfig, ProphetXConfig, SatoriExConfig, VenueConfig, load_config

LIMIT_S = 60


@pytest.fixture
def readme(root: Path) -> str:
    return (root / "README.md").read_text()


def blocks(text: str, language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", text, re.DOTALL)


def test_the_test_command_is_the_one_that_ci_runs(readme, root):
    tests = next(block.strip() for block in blocks(readme, "sh") if "pytest" in block)

    assert tests in (root / ".ci" / "run").read_text().splitlines()


def test_both_commands_are_one_line_each_and_install_what_they_need(readme):
    paper, tests = (block.strip() for block in blocks(readme, "sh")[:2])

    assert "\n" not in paper + tests
    assert paper.startswith("python3 -m venv .venv && .venv/bin/pip install .")
    assert paper.endswith("&& .venv/bin/overround paper")


def test_the_quickstart_shown_is_the_example(readme, root):
    example = (root / "examples" / "quickstart.py").read_text()

    (shown,) = blocks(readme, "python")

    assert example.endswith(shown)
    assert len(example.splitlines()) <= 25


@pytest.fixture
def read(tmp_path: Path) -> Callable[[str], Config]:
    """Read a configuration as a file has it."""

    def read(text: str) -> Config:
        path = tmp_path / "bot.toml"
        path.write_text(text)
        return load_config(path)

    return read


def configs(readme: str, venue: str) -> tuple[str, str]:
    """Return the smallest configuration shown of a venue, and the other keys with their defaults."""
    smallest, every = (block for block in blocks(readme, "toml") if f"[venue.{venue}]" in block)
    return smallest, every


def names(kind: type | None) -> set[str]:
    assert kind is not None
    return {field.name for field in attrs.fields(kind)}


@pytest.mark.parametrize(
    ("venue", "rest_url"),
    [
        ("prophetx", "https://api.sandbox.prophetx.dev/partner"),
        ("satoriex", "https://staging.satoriex.io/api/v1"),
    ],
)
def test_the_smallest_file_shown_is_read(readme, read, venue, rest_url):
    smallest, _ = configs(readme, venue)

    assert getattr(read(smallest).venue, venue).rest_url == rest_url
    assert read(smallest).production_urls == []


@pytest.mark.parametrize("venue", sorted(names(VenueConfig)))
def test_the_defaults_shown_are_the_defaults(readme, read, venue):
    smallest, every = configs(readme, venue)

    assert read(every.replace(f"[venue.{venue}]", smallest)) == read(smallest)


def test_a_pair_is_shown_with_its_default(readme, read):
    both = "".join(configs(readme, venue)[0] for venue in ("prophetx", "satoriex"))
    (pairs,) = (block for block in blocks(readme, "toml") if "[[pairs]]" in block)

    (shown,) = read(both + pairs).pairs

    assert shown == PairConfig(prophetx=shown.prophetx, satoriex=shown.satoriex)
    assert names(PairConfig) == set(tomllib.loads(pairs)["pairs"][0])


def test_every_key_is_documented(readme):
    shown: dict[str, dict[str, object]] = {}
    for venue in names(VenueConfig):
        smallest, every = (tomllib.loads(block, parse_float=Decimal) for block in configs(readme, venue))
        shown[venue] = {**smallest["venue"][venue], **every["venue"][venue]}
        shown.update({name: every[name] for name in ("strategy", "risk") if name in every})

    assert set(shown) == {"prophetx", "satoriex", "strategy", "risk"}
    assert names(ProphetXConfig) == set(shown["prophetx"])
    assert names(SatoriExConfig) == set(shown["satoriex"])
    assert names(attrs.fields(Config).strategy.type) == set(shown["strategy"])
    assert names(attrs.fields(Config).risk.type) == set(shown["risk"])


def test_every_option_shown_exists(readme, overround):
    shown = " ".join(re.findall(r"overround (?:paper|exchange|run)[^`\n]*", readme))
    words = set(re.findall(r"--[a-z-]+", shown))

    helps = [
        subprocess.run([*overround, name, "--help"], capture_output=True, text=True, timeout=LIMIT_S, check=True).stdout
        for name in ("paper", "exchange", "run")
    ]

    assert words
    assert {word for word in words if not any(word in text for text in helps)} == set()


def test_every_summary_key_is_explained(readme, overround):
    ran = subprocess.run(
        [*overround, "paper", "--seconds", "1", "--json"], capture_output=True, text=True, timeout=LIMIT_S, check=False
    )
    explained = set(re.findall(r"^\| `(\w+)`", readme, re.MULTILINE))

    assert set(json.loads(ran.stdout.splitlines()[-1])) == explained


@pytest.mark.parametrize("name", ["quickstart.py", "own_loop.py", "virtual_time.py"])
def test_an_example_runs_as_it_is(root, name):
    ran = subprocess.run(
        [sys.executable, str(root / "examples" / name)],
        capture_output=True,
        text=True,
        timeout=LIMIT_S,
        check=False,
        cwd=root,
    )

    assert ran.returncode == 0, ran.stderr
    assert "flat: nothing of ours can still match" in ran.stdout
