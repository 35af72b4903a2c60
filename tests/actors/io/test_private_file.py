import pytest

from actors.io.private_file import MAX_BYTES, read_private, write_private


@pytest.fixture
def path(tmp_path):
    return tmp_path / "secret"


def test_what_was_written_is_read(path):
    write_private(path, b"content")

    assert read_private(path) == b"content"
    assert path.stat().st_mode & 0o777 == 0o600


def test_what_is_new_takes_the_place_of_the_old_in_one_step(path, tmp_path):
    write_private(path, b"old")
    path.with_name("secret.new").write_text("left by a process that died")

    write_private(path, b"new")

    assert read_private(path) == b"new"
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("mode", [0o644, 0o640, 0o604, 0o700])
def test_what_others_may_read_is_refused(path, mode):
    write_private(path, b"content")
    path.chmod(mode)

    with pytest.raises(PermissionError, match=f"mode {mode:04o}, expected 0600"):
        read_private(path)


def test_no_more_than_a_bound_is_read(path):
    write_private(path, bytes(MAX_BYTES + 1))

    assert len(read_private(path)) == MAX_BYTES


def test_a_write_that_fails_leaves_the_old_one_alone(path):
    path.mkdir()

    with pytest.raises(OSError, match=r"directory|denied"):
        write_private(path, b"content")

    assert path.is_dir()
    assert not path.with_name("secret.new").exists()
