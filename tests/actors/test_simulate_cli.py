import json
import signal
import subprocess

import pytest
import structlog
from click.testing import CliRunner

from actors.simulate_cli import simulate

LIMIT_S = 30


@pytest.fixture
def play():
    """Run the command in this process, and leave no trace of it in the log's configuration."""
    yield lambda *arguments: CliRunner().invoke(simulate, arguments)
    structlog.reset_defaults()


@pytest.mark.parametrize(
    ("arguments", "why"),
    [
        (["--seeds", "5..4"], "'5..4' is empty"),
        (["--seeds", "-1..4"], "'-1..4' is not like 0..99"),
        (["--seeds", "1..x"], "'1..x' is not like 0..99"),
        (["--faults", "nonsense"], "unknown: nonsense; known are all or none, or a list of blackout, "),
        (["--faults", ""], "unknown: ''; known are all or none, or a list of "),
        (["--faults", "blackout,,all"], "unknown: '', all; known are all or none, or a list of "),
        (["--seed", "1", "--seeds", "0..9"], "--seed and --seeds exclude each other"),
        (["--shrink"], "--shrink needs --seed"),
        (["--seed", "1", "--as-test", "x.py"], "--as-test needs --shrink"),
        (["--log-level", "info"], "--log-level is for a single world: --seed"),
        (["some_mutant"], "a mutant is named without --mutants"),
        (["--mutants", "nonsense"], "unknown mutants: nonsense"),
        (["--mutants", "--seed", "1"], "--mutants takes --seeds"),
        (["--hours", "0"], "0.0 is not in the range"),
        (["--hours", "nan"], "'nan' is not a number"),
        (["--hours", "inf"], "inf is not in the range"),
    ],
)
def test_a_usage_error_says_what_is_wrong(arguments, why):
    result = CliRunner().invoke(simulate, arguments)

    assert result.exit_code == 2
    assert why in result.stderr


@pytest.mark.parametrize("faults", ["NONE", " none ", "Blackout, DELAY"])
def test_faults_are_named_in_any_case_with_or_without_spaces(play, faults):
    result = play("--seed", "1", "--hours", "0.001", "--faults", faults, "--json")

    assert result.exit_code == 0
    assert json.loads(result.stdout)["worlds"] == 1


def test_an_interrupted_simulation_is_no_success(overround):
    arguments = ("simulate", "--seed", "1", "--hours", "20", "--json", "--log-level", "info")
    with subprocess.Popen(
        [*overround, *arguments], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        process.stderr.readline()  # the world has begun

        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=LIMIT_S)

    report = json.loads(out)
    assert (process.returncode, report["worlds"], report["interrupted"], report["ok"]) == (130, 0, True, False)
    assert "interrupted: this is not the whole of it" in err
    assert "Traceback" not in err
