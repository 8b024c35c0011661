"""Processes that end with the one that started them, however that one ends."""

import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from virialff import children

ROOT = Path(__file__).resolve().parents[2]
STARTER = """
import os, signal, sys, time
from virialff import children
child = children.start(["sleep", "600"], by=signal.Signals(int(sys.argv[1])))
print(child.pid, flush=True)
if sys.argv[2] == "fork" and os.fork() == 0:
    print(os.getpid(), flush=True)
time.sleep(600)
"""


def is_running(process):
    try:
        return Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


def gone(process, seconds=20.0):
    deadline = time.monotonic() + seconds
    while is_running(process):
        if time.monotonic() > deadline:
            return False
        time.sleep(0.02)
    return True


def words_of(process):
    return Path(f"/proc/{process}/cmdline").read_bytes().split(b"\0")


@pytest.mark.parametrize("by", [signal.SIGTERM, signal.SIGKILL])
def test_a_child_ends_with_a_starter_that_is_killed(by):
    command = [sys.executable, "-c", STARTER, str(int(by)), "alone"]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as starter:
        child = int(starter.stdout.readline())
        while words_of(child)[0] != b"sleep":
            time.sleep(0.02)
        assert is_running(child)
        starter.kill()
    assert gone(child)


def test_a_copy_of_the_starter_does_not_keep_the_child():
    command = [sys.executable, "-c", STARTER, str(int(signal.SIGKILL)), "fork"]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as starter:
        child, copy = int(starter.stdout.readline()), int(starter.stdout.readline())
        starter.kill()
        assert gone(child)
        assert is_running(copy)
        os.kill(copy, signal.SIGKILL)


def test_a_child_outlives_the_thread_that_started_it():
    started = []
    thread = threading.Thread(target=lambda: started.append(children.start(["sleep", "600"], by=signal.SIGKILL)))
    thread.start()
    thread.join()
    time.sleep(0.5)
    assert started[0].poll() is None
    started[0].kill()
    started[0].wait()


def test_a_child_that_starts_too_late_ends_at_once():
    line = subprocess.run(
        [sys.executable, "-c", "from virialff import children; print(children.lifeline())"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    ).stdout.strip()
    late = subprocess.run(
        [sys.executable, "-I", "-S", children.__file__, line, "15", "sleep", "600"],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert late.returncode == 1
    assert "the process that started this one is gone" in late.stderr


def test_no_such_program():
    with pytest.raises(FileNotFoundError, match="no-such-program"):
        children.start(["no-such-program"], by=signal.SIGTERM)


@pytest.mark.parametrize("first", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_interrupts_once_and_what_it_ends_is_not_broken_into(first):
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)  # as a shell does to a command in the background
    others = signal.getsignal(signal.SIGTERM)
    ended = []

    def interrupted():
        with children.interruptible():
            try:
                signal.raise_signal(first)
                ended.append("went on")
            finally:
                signal.raise_signal(signal.SIGTERM)
                signal.raise_signal(signal.SIGINT)
                ended.append("cleaned up")

    try:
        with pytest.raises(KeyboardInterrupt):
            interrupted()
        assert ended == ["cleaned up"]
        assert signal.getsignal(signal.SIGINT) is signal.SIG_IGN
        assert signal.getsignal(signal.SIGTERM) == others
    finally:
        signal.signal(signal.SIGINT, before)


@pytest.mark.parametrize("by", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_in_a_block_of_its_own_is_answered_after_it(by):
    done = []

    def begun():
        with children.interruptible():
            with children.undisturbed():
                # Another thread takes what is blocked in this one.
                thread = threading.Thread(target=signal.raise_signal, args=(by,))
                thread.start()
                thread.join()
                done.append("whole")
            done.append("went on")

    with pytest.raises(KeyboardInterrupt):
        begun()
    assert done == ["whole"]


def test_in_another_thread_no_signal_is_changed():
    found = []

    def work():
        with children.interruptible():
            found.append((signal.getsignal(signal.SIGTERM), signal.getsignal(signal.SIGINT)))

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert found == [(signal.getsignal(signal.SIGTERM), signal.getsignal(signal.SIGINT))]
