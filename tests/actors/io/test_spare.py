"""A latch that the journal can take no more is not lost."""

import pytest

from actors.entries import Latch
from actors.io.spare import REASON, SIZE, SpareFile


def test_what_is_kept_is_read_by_the_next_process(tmp_path):
    SpareFile(tmp_path / "latches").write({Latch.HALT: "as planned"})

    assert SpareFile(tmp_path / "latches").read() == {Latch.HALT: "as planned"}


def test_the_bytes_are_there_before_they_are_needed_and_stay_as_many(tmp_path):
    spare = SpareFile(tmp_path / "latches")
    before = (tmp_path / "latches").stat().st_size

    spare.write({Latch.KILL: "x" * 100_000, Latch.DAILY_LOSS: "y" * 100_000})

    assert before == (tmp_path / "latches").stat().st_size == SIZE
    assert set(spare.read()) == {Latch.KILL, Latch.DAILY_LOSS}


@pytest.mark.parametrize("character", ["x", '"', "\\", "\x00", "ж", "\U0001f6d1", "\ud800"])
def test_reasons_fit_in_whatever_they_are_written_in(tmp_path, character):
    spare = SpareFile(tmp_path / "latches")

    spare.write(dict.fromkeys(Latch, character * 100_000))

    assert (tmp_path / "latches").stat().st_size == SIZE
    assert set(spare.read()) == set(Latch)
    assert all(reason and set(reason) == {character} for reason in spare.read().values())


def test_a_reason_that_fits_is_kept_whole(tmp_path):
    spare = SpareFile(tmp_path / "latches")
    reasons = {Latch.HALT: "ж" * 500, Latch.KILL: "x" * REASON}

    spare.write(reasons)

    assert spare.read() == reasons


def test_nothing_stays_of_a_longer_text(tmp_path):
    spare = SpareFile(tmp_path / "latches")
    (tmp_path / "latches").write_bytes(b'{"halt": "why"}'.rjust(2 * SIZE))

    spare.write({Latch.KILL: "again"})

    assert spare.read() == {Latch.KILL: "again"}


@pytest.mark.parametrize(
    ("before", "kept"),
    [
        (b"", {}),
        (b'{"halt": "wh', {}),
        (b'{"halt": "why"}', {Latch.HALT: "why"}),
        (b'{"halt": "why"}'.rjust(2 * SIZE), {Latch.HALT: "why"}),
    ],
)
def test_a_file_of_another_size_is_made_anew_with_what_it_keeps(tmp_path, before, kept):
    (tmp_path / "latches").write_bytes(before)

    spare = SpareFile(tmp_path / "latches")

    assert (tmp_path / "latches").stat().st_size == SIZE
    assert spare.read() == kept
    assert [path.name for path in tmp_path.iterdir()] == ["latches"]


def test_the_latches_that_are_known_are_read_beside_one_that_is_not(tmp_path):
    (tmp_path / "latches").write_bytes(b'{"foretold": "rain", "halt": "why"}'.ljust(SIZE))

    assert SpareFile(tmp_path / "latches").read() == {Latch.HALT: "why"}


def test_where_no_file_can_be_made_nothing_is_kept(tmp_path):
    spare = SpareFile(tmp_path / "missing" / "latches")

    spare.write({Latch.HALT: "why"})

    assert spare.read() == {}


@pytest.mark.parametrize("content", [b"\xff not what was kept", b"[]", b'"halt"', bytes(SIZE)])
def test_what_cannot_be_read_is_no_latch(tmp_path, content):
    (tmp_path / "latches").write_bytes(content)

    assert SpareFile(tmp_path / "latches").read() == {}
