"""Start the processes of one training with torchrun, on this machine or on the nodes of a SLURM job.

`python -m training.loop.launcher ARGUMENTS` is torchrun without its report of a training that ended with a reason.
"""

import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import FrameType

from virialff import children
from virialff.commands import ExitCode
from virialff.documents import json_lines, read_object
from virialff.errors import ConfigError, VirialffError
from virialff.files import replace_file
from virialff.settings import CHECKOUT, TRAINING_END_VARIABLE, TRAINING_LIFELINE_VARIABLE

#: Seconds that the processes get to save when the training is asked to end.
_SHUTDOWN_SECONDS = 600
_SIGNALS = (signal.SIGTERM, signal.SIGINT, signal.SIGUSR1, signal.SIGUSR2)


@dataclass(frozen=True)
class Nodes:
    """The machines that train together, and which one this is; `address` is that of the first."""

    count: int = 1
    rank: int = 0
    address: str = "127.0.0.1"
    port: int = 0

    @classmethod
    def of_slurm(cls, count: int, environment: Mapping[str, str]) -> "Nodes":
        """Those of the SLURM job that this process is a task of. Raises ConfigError outside one of so many nodes."""
        if count == 1:
            return cls()
        if environment.get("SLURM_JOB_NUM_NODES") != str(count) or "SLURM_PROCID" not in environment:
            raise ConfigError(f"{count} nodes: several are had in a job of SLURM.").of("nodes")
        command = ["scontrol", "show", "hostnames", environment["SLURM_JOB_NODELIST"]]
        hosts = subprocess.run(command, capture_output=True, text=True, check=True).stdout.split()
        # The same on all nodes, and another for each job.
        port = 20_000 + int(environment["SLURM_JOB_ID"]) % 20_000
        return cls(count, int(environment["SLURM_PROCID"]), hosts[0], port)


def run_processes(arguments: Sequence[str], processes: int, nodes: Nodes | None = None) -> int:
    """`virialff train ARGUMENTS` in so many processes on each of the nodes; the exit code.

    SIGTERM and the like are passed on, so that the training saves first. Raises VirialffError with the reason for which
    the training ended.
    """
    nodes = nodes or Nodes()
    where = ["--standalone"]
    if nodes.count > 1:
        where = [f"--node-rank={nodes.rank}", f"--master-addr={nodes.address}", f"--master-port={nodes.port}"]
    sizes = [f"--nnodes={nodes.count}", f"--nproc-per-node={processes}", f"--shutdown-timeout={_SHUTDOWN_SECONDS}"]
    command = [sys.executable, "-m", "training.loop.launcher", *where, *sizes, "--", "train", *arguments]
    with tempfile.TemporaryDirectory(prefix="virialff-") as folder:
        end = Path(folder) / "end.json"
        # torchrun sets the threads of each process where this is missing, and says so at length.
        environment = {"OMP_NUM_THREADS": "1"} | dict(os.environ) | {TRAINING_END_VARIABLE: str(end)}
        environment["PYTHONPATH"] = os.pathsep.join(filter(None, [str(CHECKOUT), os.environ.get("PYTHONPATH")]))
        torchrun = children.start(command, by=signal.SIGTERM, env=environment)
        received: list[int] = []

        def pass_on(number: int, frame: FrameType | None) -> None:
            received.append(number)
            torchrun.terminate()

        before = {number: signal.signal(number, pass_on) for number in _SIGNALS}
        try:
            code = torchrun.wait()
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)
        if code == 0:
            return ExitCode.OK
        told = read_object(end) if end.exists() else {}
    if told.get("interrupted") or (not told and received):
        print(f"virialff train: {told.get('reason', 'ended before its first step')}", file=sys.stderr)
        return ExitCode.INTERRUPTED
    raise VirialffError(told.get("reason", "a process of the training was killed: start the same command again"))


@contextmanager
def telling_the_end() -> Iterator[None]:
    """In a process that torchrun started, which ends with it: tell the one that started torchrun why it ended."""
    from training.loop.stopping import TrainingInterrupted

    if line := os.environ.get(TRAINING_LIFELINE_VARIABLE):
        children.end_with(line, signal.SIGTERM)
    try:
        yield
    except VirialffError as error:
        path = os.environ.get(TRAINING_END_VARIABLE)
        if path is not None and not Path(path).exists():
            told = {"reason": str(error), "interrupted": isinstance(error, TrainingInterrupted)}
            replace_file(Path(path), json_lines(told))
        raise


def _torchrun(arguments: Sequence[str]) -> int:
    from torch.distributed.elastic.multiprocessing.api import SignalException
    from torch.distributed.elastic.multiprocessing.errors import ChildFailedError
    from torch.distributed.run import parse_args, run

    os.environ[TRAINING_LIFELINE_VARIABLE] = children.lifeline()
    own = arguments.index("--")
    settings = parse_args([*arguments[:own], "-m", "virialff.cli"])
    # It would take options of the training for abbreviations of its own.
    settings.training_script_args = list(arguments[own + 1 :])
    try:
        run(settings)
    except (ChildFailedError, SignalException):
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(_torchrun(sys.argv[1:]))
