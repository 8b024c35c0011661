"""A lock is held until the last process that inherited it has ended."""

import os
import subprocess
import sys

import pytest

from training.jobs.locks import holding, is_held, share, take
from virialff.errors import JobError


def test_a_lock_ends_with_the_last_process_that_has_it(tmp_path):
    path = tmp_path / "lock"
    assert not is_held(path)
    descriptor = take(path)
    assert descriptor is not None
    assert take(path) is None
    holder = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE, pass_fds=[descriptor])
    os.close(descriptor)
    assert is_held(path)
    holder.kill()
    holder.communicate()
    assert not is_held(path)


def test_a_shared_lock_is_held_by_each(tmp_path):
    path = tmp_path / "lock"
    descriptors = [share(path), share(path)]
    for descriptor in descriptors:
        assert is_held(path)
        assert take(path) is None
        os.close(descriptor)
    assert not is_held(path)


def test_places_are_taken_one_by_one(tmp_path):
    path = tmp_path / "lock"
    first, second = take(path, wanted=2, places=5), take(path, wanted=3, places=5)
    assert first is not None
    assert second is not None
    assert take(path, places=5) is None
    os.close(first)
    assert take(path, wanted=3, places=5) is None
    third = take(path, wanted=2, places=5)
    assert third is not None
    for descriptor in (second, third):
        os.close(descriptor)
    assert not is_held(path)


def test_a_lock_names_its_holder(tmp_path):
    path = tmp_path / "folder" / "lock"
    with holding(path, "The run"), holding(path, "The run"):
        assert is_held(path)
    assert not is_held(path)
    script = "import sys; from pathlib import Path; from training.jobs.locks import holding; "
    script += "lock = holding(Path(sys.argv[1]), 'The run'); lock.__enter__(); print(flush=True); input()"
    other = subprocess.Popen([sys.executable, "-c", script, path], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    other.stdout.readline()
    words = (
        rf"The run is in the hands of process {other.pid} of \S+ on \S+, since 20\d\d-\d\d-\d\d \d\d:\d\d:\d\d: wait"
    )
    with pytest.raises(JobError, match=words), holding(path, "The run"):
        pass
    other.kill()
    other.communicate()
    with holding(path, "The run"):
        assert is_held(path)


def test_a_lock_file_that_is_removed_in_the_end_is_still_one_lock(tmp_path):
    path = tmp_path / ".model.lock"
    with holding(path, "The model folder a", remove=True):
        words = path.read_text()
        assert words.startswith(f"process {os.getpid()} of ")
        script = "import sys; from pathlib import Path; from training.jobs.locks import holding\n"
        script += "with holding(Path(sys.argv[1]), 'The model folder a', remove=True): pass\n"
        done = subprocess.run([sys.executable, "-c", script, path], capture_output=True, text=True)
        assert f"The model folder a is in the hands of {words.strip()}: wait for its end" in done.stderr
    assert list(tmp_path.iterdir()) == []


def test_a_place_that_cannot_be_written_is_a_sentence(tmp_path):
    (tmp_path / "file").write_text("")
    with (
        pytest.raises(JobError, match=r"The run a cannot be written: .*(?:Not a directory|File exists)"),
        holding(tmp_path / "file" / "run.lock", "The run a"),
    ):
        pass
