"""Child processes that do not outlive the process that started them, however that one ends.

The child is tied to a pipe whose write end only its starter holds: the system closes it with the starter, killed or
not, and sends the child a signal. That takes no thread, reaches a program that is deep in a library, and does not go by
the thread that started the child, as the signal of a parent's death does.

A command that ends them itself, on a signal too, does its work in a block of `interruptible`, and what must not be
broken into there in one of `undisturbed`.

As a program, `python children.py LIFELINE SIGNAL COMMAND...` ties itself and becomes COMMAND, which need not be Python.
"""

from __future__ import annotations

import errno
import fcntl
import os
import select
import signal
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import subprocess

_pipe: tuple[int, int] | None = None
# What ends a command, by a user or a batch system.
_ENDING = (signal.SIGINT, signal.SIGTERM)


def start(command: Sequence[str], *, by: signal.Signals, **options: Any) -> subprocess.Popen[Any]:
    """`subprocess.Popen(command, **options)`, with the signal `by` for the process when this one has ended.

    Raises OSError where there is no such program.
    """
    import shutil
    import subprocess

    if shutil.which(command[0]) is None:
        raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), command[0])
    tied = [sys.executable, "-I", "-S", __file__, lifeline(), str(int(by)), *command]
    return subprocess.Popen(tied, **options)


@contextmanager
def interruptible() -> Iterator[None]:
    """SIGTERM and SIGINT raise KeyboardInterrupt in this block, once: a second must not break into what it ends.

    So no process is left alone and no file half written. Both count where a shell started the command in the background
    and switched SIGINT off. In a thread other than the first nothing changes.
    """

    def interrupt(number: int, frame: object) -> None:
        for name in _ENDING:
            signal.signal(name, signal.SIG_IGN)
        raise KeyboardInterrupt

    with _answered_by(interrupt):
        yield


@contextmanager
def undisturbed() -> Iterator[None]:
    """SIGTERM and SIGINT that come in this block are answered after it, as where a library starts its processes.

    Blocking them would not do: another thread takes the signal, and Python answers in the first. In a thread other than
    the first nothing changes.
    """
    came: list[int] = []
    try:
        with _answered_by(lambda number, frame: came.append(number)):
            yield
    finally:
        for number in came[:1]:
            signal.raise_signal(number)


@contextmanager
def _answered_by(handler: Callable[[int, object], None]) -> Iterator[None]:
    """SIGTERM and SIGINT go to this handler in the block, where the thread is the first: others can set none."""
    import threading

    if threading.current_thread() is not threading.main_thread():
        yield
        return
    # What other code than Python set cannot be put back, and stays.
    before = {name: former for name in _ENDING if (former := signal.getsignal(name)) is not None}
    try:
        for name in before:
            signal.signal(name, handler)
        yield
    finally:
        for name, former in before.items():
            signal.signal(name, former)


def processes_below(first: int) -> list[int]:
    """A process and those that it started, and they in turn; what ends meanwhile is passed over."""
    from pathlib import Path

    found = [first]
    for process in found:
        for file in Path(f"/proc/{process}/task").glob("*/children"):
            with suppress(OSError):
                found += [int(number) for number in file.read_text().split()]
    return found


def lifeline() -> str:
    """By this name other processes follow the end of this one: see `end_with`."""
    global _pipe
    if _pipe is None:
        _pipe = os.pipe()
    return f"{os.getpid()}:{_pipe[0]}"


def end_with(line: str, by: int) -> None:
    """Let the system send this process the signal `by` when the process that named its `lifeline` has ended."""
    process, _, descriptor = line.partition(":")
    try:
        pipe = os.open(f"/proc/{process}/fd/{descriptor}", os.O_RDONLY | os.O_NONBLOCK)
    except FileNotFoundError:
        sys.exit("the process that started this one is gone")
    os.set_inheritable(pipe, True)
    fcntl.fcntl(pipe, fcntl.F_SETSIG, by)
    fcntl.fcntl(pipe, fcntl.F_SETOWN, os.getpid())
    fcntl.fcntl(pipe, fcntl.F_SETFL, fcntl.fcntl(pipe, fcntl.F_GETFL) | os.O_ASYNC)
    poll = select.poll()
    poll.register(pipe, 0)
    if poll.poll(0):
        sys.exit("the process that started this one is gone")


def _forget() -> None:
    # A copy of this process must not hold the write end for it.
    global _pipe
    for descriptor in _pipe or ():
        os.close(descriptor)
    _pipe = None


os.register_at_fork(after_in_child=_forget)


def main(line: str, by: str, command: list[str]) -> None:
    """Tie this process and become the command."""
    end_with(line, int(by))
    for number in (signal.SIGPIPE, signal.SIGXFSZ):
        # Python ignores them, and what is ignored stays so in the command.
        signal.signal(number, signal.SIG_DFL)
    os.execvp(command[0], command)


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], sys.argv[3:])
