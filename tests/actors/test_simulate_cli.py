import pytest
from click.testing import CliRunner

from actors.simulate_cli import simulate


@pytest.mark.parametrize(
    ("arguments", "why"),
    [
        (["--seeds", "5..4"], "'5..4' is empty"),
        (["--seeds", "-1..4"], "'-1..4' is not like 0..99"),
        (["--seeds", "1..x"], "'1..x' is not like 0..99"),
        (["--faults", "nonsense"], "unknown: nonsense; known are "),
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
