import json

import attrs
import pytest

from actors.console.summary import Summary
from actors.decisions.audit import Audit
from actors.tally import Tally

TALLY = Tally(
    sent=9,
    opened=8,
    denied=7,
    rejected=1,
    cancelled=5,
    fills=4,
    fill_cents=1234,
    sessions_started=3,
    sessions_lost=2,
    restart_s_max=1.2345,
    markets=6,
    updates=100,
    healed=1,
    unknown=2,
    exposure_cents_max=5000,
    breaches=0,
)
CLEAN = Audit(orders=0, fills=0, balance_cents=0, books=0)


def summary(audit: Audit = CLEAN, *, flat: bool = True) -> Summary:
    return Summary(tally=TALLY, limit_cents=250_000, audit=audit, flat_on_exit=flat, profit_cents=-12)


def test_the_numbers_are_one_line_of_json():
    text = summary(Audit(orders=0)).as_json()

    assert "\n" not in text
    assert json.loads(text) == {
        "orders": {"sent": 9, "opened": 8, "denied": 7, "rejected": 1, "cancelled": 5},
        "fills": {"count": 4, "stake_cents": 1234, "shares": 0},
        "sessions": {"started": 3, "lost": 2, "restart_ms_max": 1234},
        "books": {"markets": 6, "updates": 100, "healed": 1},
        "events": {"unknown": 2},
        "risk": {"exposure_cents_max": 5000, "limit_cents": 250_000, "breaches": 0},
        "audit": {"orders": 0, "fills": None, "balance_cents": None, "books": None},
        "flat_on_exit": True,
    }


@pytest.mark.parametrize(
    ("audit", "flat", "ok"), [(CLEAN, True, True), (CLEAN, False, False), (Audit(books=1), True, False)]
)
def test_a_run_is_good_when_it_stopped_flat_and_nothing_differs(audit, flat, ok):
    assert summary(audit, flat=flat).ok is ok


@pytest.mark.parametrize(
    ("audit", "words"),
    [
        (CLEAN, "clean: orders, fills, balance and books are what the venue says"),
        (Audit(), "nothing could be read to compare with"),
        (Audit(orders=2, balance_cents=30, fills=0), "DIFFERENCES: orders 2, balance_cents 30"),
    ],
)
def test_people_read_the_same_in_words(audit, words):
    lines = summary(audit).as_text().splitlines()

    assert lines[0] == "   orders  9 sent, 8 opened, 5 cancelled, 1 rejected, 7 denied by risk"
    assert lines[1] == "    fills  4, $12.34 staked"
    assert words in lines[6]
    assert lines[7] == "     stop  flat: nothing of ours can still match"


def test_a_stop_that_is_not_proved_flat_is_told_loudly():
    assert "NOT PROVED FLAT" in summary(flat=False).as_text()


def test_a_stop_before_the_login_says_why_it_proves_nothing():
    stopped = attrs.evolve(summary(flat=False), logged_in=False).as_text().splitlines()[-1]

    assert stopped == "     stop  NOT PROVED FLAT: no login, so nothing could be read; look at the venue yourself"
