"""A latch that the journal can take no more is not lost."""

from actors.entries import Latch
from actors.io.spare import SIZE, SpareFile


def test_what_is_kept_is_read_by_the_next_process(tmp_path):
    SpareFile(tmp_path / "latches").write({Latch.HALT: "as planned"})

    assert SpareFile(tmp_path / "latches").read() == {Latch.HALT: "as planned"}


def test_the_bytes_are_there_before_they_are_needed_and_stay_as_many(tmp_path):
    spare = SpareFile(tmp_path / "latches")
    before = (tmp_path / "latches").stat().st_size

    spare.write({Latch.KILL: "x" * 100_000, Latch.DAILY_LOSS: "y" * 100_000})

    assert before == (tmp_path / "latches").stat().st_size == SIZE
    assert set(spare.read()) == {Latch.KILL, Latch.DAILY_LOSS}


def test_what_cannot_be_read_is_no_latch(tmp_path):
    (tmp_path / "latches").write_bytes(b"\xff not what was kept")

    assert SpareFile(tmp_path / "latches").read() == {}
