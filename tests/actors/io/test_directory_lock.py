import os
import subprocess
import sys

import pytest

from actors.io.directory_lock import DirectoryLock, DirectoryTaken


def test_one_at_a_time_and_the_other_is_told_who_it_is(tmp_path):
    lock = DirectoryLock.take(tmp_path)

    with pytest.raises(DirectoryTaken, match=f"process {os.getpid()} is at work here; stop it first"):
        DirectoryLock.take(tmp_path)

    lock.release()
    DirectoryLock.take(tmp_path).release()


DYING = """
import os, pathlib, sys
from actors.io.directory_lock import DirectoryLock
lock = DirectoryLock.take(pathlib.Path(sys.argv[1]))
os._exit(9)
"""


def test_a_process_that_died_leaves_no_lock(tmp_path, root):
    died = subprocess.run([sys.executable, "-c", DYING, str(tmp_path)], cwd=root, check=False)

    assert died.returncode == 9
    DirectoryLock.take(tmp_path).release()


def test_a_holder_without_a_number_is_another_process(tmp_path):
    lock = DirectoryLock.take(tmp_path)
    (tmp_path / "lock").write_text("")

    with pytest.raises(DirectoryTaken, match="another process is at work here"):
        DirectoryLock.take(tmp_path)
    lock.release()


def test_a_directory_that_is_none_is_named(tmp_path):
    with pytest.raises(DirectoryTaken, match="none/lock: No such file"):
        DirectoryLock.take(tmp_path / "none")


def test_the_file_is_for_its_owner(tmp_path):
    DirectoryLock.take(tmp_path).release()

    assert (tmp_path / "lock").stat().st_mode & 0o777 == 0o600
