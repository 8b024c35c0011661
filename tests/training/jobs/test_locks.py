"""A lock is held until the last process that inherited it has ended."""

import os
import subprocess
import sys

from training.jobs.locks import is_held, share, take


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
