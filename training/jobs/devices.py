"""What there is to compute on: NVIDIA GPUs of this machine with memory and load, partitions of SLURM."""

import shutil
import subprocess
from dataclasses import asdict, dataclass
from typing import Any

_QUERY = ("index", "name", "memory.total", "memory.used", "utilization.gpu")
_SECONDS = 10.0


@dataclass(frozen=True)
class Gpu:
    """A GPU of this machine as it is now."""

    index: str
    name: str
    memory_total_mib: float | None
    memory_used_mib: float | None
    load_percent: float | None


@dataclass(frozen=True)
class Partition:
    """A partition of SLURM."""

    name: str
    default: bool
    state: str
    nodes: int
    processors_per_node: str
    memory_per_node_mib: str
    gpus: str  #: as SLURM writes generic resources, "" for none
    time_limit: str


@dataclass(frozen=True)
class Devices:
    """GPUs and partitions; where there is none of a kind, the sentence that says why."""

    gpus: tuple[Gpu, ...]
    no_gpu: str | None
    partitions: tuple[Partition, ...]
    no_slurm: str | None
    slurm_said: str = ""  #: of a controller that did not answer, the words of its program

    def as_dict(self) -> dict[str, Any]:
        """JSON values."""
        return asdict(self)


def find_devices() -> Devices:
    """Ask nvidia-smi and sinfo. Takes some milliseconds, up to seconds where SLURM's controller is slow to answer."""
    gpus, no_gpu = _gpus()
    return Devices(gpus, no_gpu, *_partitions())


def _gpus() -> tuple[tuple[Gpu, ...], str | None]:
    none = "This machine has no NVIDIA GPU: trainings run on its processors, one at a time."
    if shutil.which("nvidia-smi") is None:
        return (), none
    answer = _ask("nvidia-smi", f"--query-gpu={','.join(_QUERY)}", "--format=csv,noheader,nounits")
    if isinstance(answer, str):
        return (), f"The GPUs cannot be asked: nvidia-smi says {answer!r}."
    gpus = []
    for line in answer:
        index, name, *numbers = (part.strip() for part in line.split(","))
        gpus.append(Gpu(index, name, *(_number(text) for text in numbers)))
    return tuple(gpus), None if gpus else none


def _partitions() -> tuple[tuple[Partition, ...], str | None, str]:
    if shutil.which("sinfo") is None or shutil.which("sbatch") is None:
        return (), "There is no SLURM here: its commands sinfo and sbatch are not on the PATH.", ""
    answer = _ask("sinfo", "--noheader", "--format=%P|%a|%D|%c|%m|%G|%l")
    if isinstance(answer, str):
        return (), "SLURM is installed here, and its controller does not answer.", answer
    partitions = []
    for line in answer:
        name, state, nodes, processors, memory, gpus, limit = (part.strip() for part in line.split("|"))
        partitions.append(
            Partition(
                name.removesuffix("*"),
                name.endswith("*"),
                state,
                int(nodes),
                processors,
                memory,
                "" if gpus == "(null)" else gpus,
                limit,
            )
        )
    return tuple(partitions), None if partitions else "SLURM has no partition that you may use.", ""


def _ask(*command: str) -> list[str] | str:
    """The lines that a program prints, or the first of its complaint."""
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=_SECONDS, check=False)
    except (OSError, subprocess.TimeoutExpired) as error:
        return str(error)
    if done.returncode:
        return ((done.stderr or done.stdout).strip().splitlines() or [f"exit code {done.returncode}"])[0]
    return [line for line in done.stdout.splitlines() if line.strip()]


def _number(text: str) -> float | None:
    # "[N/A]" where a GPU does not tell.
    try:
        return float(text)
    except ValueError:
        return None
