"""A real SLURM of one node for tests: its daemons run in the foreground as our children and end with the block."""

from __future__ import annotations

import ctypes
import getpass
import os
import secrets
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

#: The node has this many processors whatever the machine has; jobs share them.
CPUS = 2
_SECONDS = 120.0

_CONFIGURATION = """\
ClusterName=test
SlurmctldHost={host}(127.0.0.1)
SlurmctldPort={controller_port}
SlurmdPort={node_port}
SlurmUser={user}
SlurmdUser={user}
AuthType=auth/munge
AuthInfo=socket={folder}/munge.socket
StateSaveLocation={folder}/state
SlurmdSpoolDir={folder}/spool
SlurmctldPidFile={folder}/slurmctld.pid
SlurmdPidFile={folder}/slurmd.pid
SlurmctldLogFile={folder}/slurmctld.log
SlurmdLogFile={folder}/slurmd.log
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
SelectType=select/cons_tres
SelectTypeParameters=CR_Core
SchedulerParameters=batch_sched_delay=0,sched_interval=1,sched_min_interval=0
SlurmdParameters=config_overrides
MpiDefault=none
JobAcctGatherType=jobacct_gather/none
AccountingStorageType=accounting_storage/none
ReturnToService=2
KillWait=5
NodeName={host} NodeAddr=127.0.0.1 CPUs={cpus} RealMemory=64000 State=UNKNOWN
PartitionName=test Nodes=ALL Default=YES MaxTime=INFINITE State=UP
"""


@contextmanager
def slurm_cluster(more: str = "") -> Iterator[dict[str, str]]:
    """Run SLURM during the block, which gets the environment variables that lead its commands there.

    more: further lines of its configuration. Needs munged, slurmctld, slurmd and the client commands. Jobs that are
    left at the end are cancelled.
    """
    with ExitStack() as stack:
        # A short path: that of a socket holds about a hundred characters.
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="slurm-")))
        key = folder / "munge.key"
        key.touch(mode=0o600)
        key.write_bytes(secrets.token_bytes(128))
        (folder / "state").mkdir()
        (folder / "spool").mkdir()
        configuration = folder / "slurm.conf"
        configuration.write_text(
            _CONFIGURATION.format(
                host=socket.gethostname().partition(".")[0],
                user=getpass.getuser(),
                folder=folder,
                controller_port=_free_port(),
                node_port=_free_port(),
                cpus=CPUS,
            )
            + more
        )
        environment = {"SLURM_CONF": str(configuration)}
        munge_files = [f"--{name}-file={folder}/munged.{name}" for name in ("log", "pid", "seed")]
        munge = ["munged", "--foreground", "--force", f"--socket={folder}/munge.socket", f"--key-file={key}"]
        stack.enter_context(_daemon([*munge, *munge_files], folder))
        _wait_for("munged", (folder / "munge.socket").exists, folder)
        stack.enter_context(_daemon(["slurmctld", "-D", "-i", "-f", str(configuration)], folder))
        stack.enter_context(_daemon(["slurmd", "-D", "-f", str(configuration)], folder))
        _wait_for("the node", lambda: _ask(environment, "sinfo", "--noheader", "--format=%t") == "idle", folder)
        stack.callback(_cancel_jobs, environment, folder)
        yield environment


def _cancel_jobs(environment: dict[str, str], folder: Path) -> None:
    _ask(environment, "scancel", "--state=PENDING", f"--user={getpass.getuser()}")
    _ask(environment, "scancel", f"--user={getpass.getuser()}")
    _wait_for("the end of the jobs", lambda: _ask(environment, "squeue", "--noheader") == "", folder)


def _free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port: int = free.getsockname()[1]
        return port


def _end_with_parent() -> None:
    # Even if the test process is killed, its daemons do not stay.
    ctypes.CDLL(None).prctl(1, signal.SIGTERM)


@contextmanager
def _daemon(command: list[str], folder: Path) -> Iterator[None]:
    with (folder / f"{command[0]}.output").open("w") as output:
        process = subprocess.Popen(command, stdout=output, stderr=output, preexec_fn=_end_with_parent)
    try:
        yield
    finally:
        process.terminate()
        try:
            process.wait(20)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _ask(environment: dict[str, str], *command: str) -> str | None:
    """What a command of SLURM prints; None if it fails, as it does while the controller starts."""
    done = subprocess.run(command, env=os.environ | environment, capture_output=True, text=True, check=False)
    return done.stdout.strip() if done.returncode == 0 else None


def _wait_for(what: str, there: Callable[[], bool], folder: Path) -> None:
    deadline = time.monotonic() + _SECONDS
    while not there():
        if time.monotonic() > deadline:
            said = "\n".join(
                f"{file.name}: {file.read_text()[-2000:]}"
                for pattern in ("*.output", "*.log")
                for file in sorted(folder.glob(pattern))
            )
            raise TimeoutError(f"{what} did not come within {_SECONDS:.0f} s\n{said}")
        time.sleep(0.05)
