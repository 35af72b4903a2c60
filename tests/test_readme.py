import json
import re
import subprocess
import sys
import tomllib
from decimal import Decimal
from pathlib import Path

import attrs
import pytest

from actors.config import Config, load_config

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


def test_the_smallest_file_shown_is_read(readme, tmp_path):
    path = tmp_path / "bot.toml"
    path.write_text(blocks(readme, "toml")[0])

    assert load_config(path).venue.prophetx.rest_url == "https://api.sandbox.prophetx.dev/partner"


def test_the_defaults_shown_are_the_defaults(readme, tmp_path):
    smallest, every = blocks(readme, "toml")
    plain, full = tmp_path / "plain.toml", tmp_path / "full.toml"
    plain.write_text(smallest)
    full.write_text(every.replace("[venue.prophetx]", smallest))

    assert load_config(full) == load_config(plain)


def test_every_key_is_documented(readme):
    smallest, every = (tomllib.loads(block, parse_float=Decimal) for block in blocks(readme, "toml"))
    shown = {**smallest["venue"]["prophetx"], **every["venue"]["prophetx"]}

    def names(kind: type) -> set[str]:
        return {field.name for field in attrs.fields(kind)}

    venue = attrs.fields(Config).venue.type
    assert names(attrs.fields(venue).prophetx.type) == set(shown)
    assert names(attrs.fields(Config).strategy.type) == set(every["strategy"])
    assert names(attrs.fields(Config).risk.type) == set(every["risk"])


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
