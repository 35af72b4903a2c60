import json

import pytest

from actors.simulation.report import KEPT, SHOWN, Report, listed


@pytest.fixture
def report() -> Report:
    return Report(hours=1.0, faults="all", required=frozenset({"gap", "resent"}))


def test_worlds_are_added_up(report, outcome):
    report.add(outcome(1, drop=2))
    report.add(outcome(2, drop=3, cut=1))

    assert report.worlds == 2
    assert report.seconds == 120.0
    assert report.injected == {"drop": 5, "cut": 1}
    assert report.ok


def test_the_trace_of_a_set_is_the_same_in_every_order(outcome):
    first, second, other = (Report(hours=1.0, faults="all") for _ in range(3))
    for seed in (1, 2, 3):
        first.add(outcome(seed))
    for seed in (3, 1, 2):
        second.add(outcome(seed))
    for seed in (1, 2, 4):
        other.add(outcome(seed))

    assert first.trace == second.trace != other.trace


def test_a_large_set_must_have_reached_every_rare_branch(report, outcome):
    for seed in range(99):
        report.add(outcome(seed, gap=1))
    before = report.missing

    report.add(outcome(99))

    assert before == []
    assert report.missing == ["resent"]
    assert not report.ok
    assert "NEVER  resent" in report.as_text(1.0)


def test_a_set_with_less_than_all_faults_need_not(outcome):
    report = Report(hours=1.0, faults="drop", required=frozenset({"gap"}))

    for seed in range(100):
        report.add(outcome(seed))

    assert report.missing == []


@pytest.mark.parametrize(
    ("hours", "faults", "command"),
    [
        (1.0, "all", "overround simulate --seed 7 --hours 1"),
        (0.25, "none", "overround simulate --seed 7 --hours 0.25 --faults none"),
        (2.0, "drop,cut", "overround simulate --seed 7 --hours 2 --faults drop,cut"),
    ],
)
def test_a_broken_world_is_told_with_the_command_that_plays_it_again(hours, faults, command, outcome):
    report = Report(hours=hours, faults=faults)

    report.add(outcome(7, "truth"))

    lines = report.as_text(1.0).splitlines()
    assert lines[-2:] == ["     1.500 s  truth: seen", f"  {command}"]
    assert json.loads(report.as_json(1.0))["violations"] == [
        {"seed": 7, "at_s": 1.5, "rule": "truth", "text": "seen", "replay": command}
    ]
    assert not report.ok


def test_many_violations_of_a_world_are_counted_but_not_kept(report, outcome):
    report.add(outcome(7, *["truth"] * (KEPT + 5)))

    text = report.as_text(1.0)

    assert text.count("truth: seen") == KEPT
    assert "  and 5 more\n" in text
    assert f"broken  truth {KEPT + 5}\n" in text


def test_many_broken_worlds_are_named_but_not_shown(report, outcome):
    for seed in range(SHOWN + 2):
        report.add(outcome(seed, "truth"))

    text = report.as_text(1.0)

    assert text.count("--seed") == SHOWN
    assert text.endswith(f"and 2 more worlds: {SHOWN} {SHOWN + 1}")


def test_the_pace_is_in_worlds_and_in_virtual_hours(report, outcome):
    for seed in range(120):
        report.add(outcome(seed))

    assert report.pace(4.0) == "1800 worlds per minute, 0.50 virtual hours per second"


def test_an_empty_report_can_be_read(report):
    assert "worlds  0 in 0.0 s" in report.as_text(0.0)
    assert "broken" not in report.as_text(0.0)
    assert json.loads(report.as_json(0.0))["worlds"] == 0
    assert listed({}) == "nothing"


def test_json_is_one_line(report, outcome):
    report.add(outcome(1, "truth", drop=1))

    text = report.as_json(2.0)

    assert "\n" not in text
    assert json.loads(text) | {"violations": None, "trace": None} == {
        "worlds": 1,
        "elapsed_s": 2.0,
        "worlds_per_minute": 30.0,
        "virtual_hours_per_second": 0.008,
        "trace": None,
        "counts": {"drop": 1},
        "injected": {"drop": 1},
        "reached": {"drop": 1},
        "missing": [],
        "rules": {"truth": 1},
        "violations": None,
        "interrupted": False,
        "ok": False,
    }


def test_what_was_interrupted_is_not_ok(report, outcome):
    report.add(outcome(1))

    report.interrupted = True

    shown = json.loads(report.as_json(1.0))
    assert (shown["interrupted"], shown["ok"]) == (True, False)
