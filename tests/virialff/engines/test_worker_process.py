"""A worker answers, refuses, crashes and starts again, and what it prints does not get in the way."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest

from virialff.engines.worker_process import WorkerProcess
from virialff.errors import EngineError

_BACKEND = """
import os
PROGRAM = "Sums 1.0"
class Failure(Exception):
    pass
def compute(request):
    print("a line of output", flush=True)
    if request["numbers"] == []:
        raise Failure("there is nothing to add up")
    if request["numbers"] == ["abort"]:
        os.abort()
    if request["numbers"] == ["endless"]:
        print(os.getpid(), file=open(request["log"], "w"), flush=True)
        sum(range(10**15))  # never comes back to the interpreter
    return {"sum": sum(request["numbers"]), "threads": os.environ["OMP_NUM_THREADS"], "pid": os.getpid()}
"""


@pytest.fixture
def worker(tmp_path: Path) -> Iterator[WorkerProcess]:
    backend = tmp_path / "sums.py"
    backend.write_text(_BACKEND)
    worker = WorkerProcess("Sums", str(backend), [sys.executable], {}, threads=3)
    yield worker
    worker.close()


def test_one_process_answers_one_request_after_another(worker):
    assert worker.program() == "Sums 1.0"
    first = worker.compute({"numbers": [1, 2]})
    second = worker.compute({"numbers": [3, 4.5]})
    assert (first["sum"], second["sum"]) == (3, 7.5)
    assert first["pid"] == second["pid"] != os.getpid()
    assert str(first["threads"]) == "3"


def test_a_failure_is_the_reason_and_the_process_lives_on(worker):
    before = worker.compute({"numbers": [1]})["pid"]
    with pytest.raises(EngineError, match=r"^Sums failed: there is nothing to add up$"):
        worker.compute({"numbers": []})
    assert worker.compute({"numbers": [1]})["pid"] == before


def test_a_crash_is_told_and_the_next_request_gets_a_new_process(worker):
    with pytest.raises(EngineError, match=rf"process of Sums was killed by signal {signal.SIGABRT.value}"):
        worker.compute({"numbers": ["abort"]})
    assert worker.compute({"numbers": [2, 2]})["sum"] == 4


def test_an_error_nobody_foresaw_is_told_by_its_last_line(worker):
    with pytest.raises(EngineError, match="process of Sums ended with exit code 1: TypeError: unsupported operand"):
        worker.compute({"numbers": ["one"]})
    assert worker.compute({"numbers": [2, 2]})["sum"] == 4


def test_a_process_killed_between_requests_is_replaced(worker):
    pid = int(worker.compute({"numbers": [1]})["pid"])
    os.kill(pid, signal.SIGKILL)
    os.waitid(os.P_PID, pid, os.WEXITED | os.WNOWAIT)
    again = worker.compute({"numbers": [5]})
    assert again["sum"] == 5
    assert again["pid"] != pid


def test_closing_ends_the_process_and_leaves_no_files(worker):
    pid = int(worker.compute({"numbers": [1]})["pid"])
    folder = Path(os.readlink(f"/proc/{pid}/cwd"))
    assert folder.is_dir()
    worker.close()
    assert not folder.exists()
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)
    np.testing.assert_equal(worker.compute({"numbers": [1]})["sum"], 1)


def test_the_process_does_not_outlive_ours(tmp_path, worker):
    (tmp_path / "sums.py").write_text(_BACKEND)
    log = tmp_path / "log"
    code = f"""
import sys
from virialff.engines.worker_process import WorkerProcess
worker = WorkerProcess("Sums", {str(tmp_path / "sums.py")!r}, [sys.executable], {{}}, threads=1)
worker.compute({{"numbers": ["endless"], "log": {str(log)!r}}})
"""
    with subprocess.Popen([sys.executable, "-c", code]) as ours:
        _wait_until(lambda: log.exists() and log.read_text().endswith("\n"))
        pid = int(log.read_text())
        assert _runs(pid)
        folder = Path(os.readlink(f"/proc/{pid}/cwd"))
        ours.kill()
    _wait_until(lambda: not _runs(pid))
    # The next one on this machine clears away what it left.
    assert folder.is_dir()
    assert worker.compute({"numbers": [1]})["sum"] == 1
    assert not folder.exists()


def _runs(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


def _wait_until(true: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 60.0
    while not true():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def test_a_backend_or_interpreter_that_is_missing_is_told(tmp_path):
    backend = tmp_path / "needs.py"
    backend.write_text("import a_package_that_nobody_has")
    with pytest.raises(EngineError, match="Sums could not be started: ModuleNotFoundError: No module named 'a_pack"):
        WorkerProcess("Sums", str(backend), [sys.executable], {}, threads=1).program()
    with pytest.raises(EngineError, match=r"Sums could not be started: .*no-python"):
        WorkerProcess("Sums", str(backend), [str(tmp_path / "no-python")], {}, threads=1).program()
