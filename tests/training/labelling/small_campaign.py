"""A campaign of a few small molecules, and the command that runs it in a process of its own."""

import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import yaml

from training.labelling.campaign.worker import CurrentTask, compute_chunk
from training.labelling.config import CampaignConfig, load_campaign
from training.labelling.plan.draws import ComplexTask
from training.labelling.plan.plan import stored_plan
from virialff.labels.schema import Label
from virialff.labels.store import LabelStore
from virialff.molecules.molecule import Molecule

MOLECULES = ("CCO", "CC(N)=O", "CS")
#: The last takes half a second or more, so that there is time to kill a worker.
SLOW_MOLECULES = ("CO", "CN", "CS", "O=C(Nc1ccc(-c2ccccc2)cc1)c1ccccc1")
SLOW_KEY = f"molecule/{Molecule.from_smiles(SLOW_MOLECULES[-1]).inchikey}"


def write_config(
    file: Path, folder: Path, pool: Path | str, *, pairs: Mapping[str, int] | None = None, **entries: Any
) -> Path:
    """Write a configuration whose one round takes all of `pool`; `entries` replace or add to it."""
    content = {
        "folder": str(folder),
        "seed": 7,
        "tasks_per_chunk": 2,
        "rounds": [{"pools": {str(pool): 100}, "relaxed_fraction": 1.0, "complexes": dict(pairs or {})}],
        "molecules": {"n_conformers": 2, "n_geometries": 4},
        "complexes": {"monomer_share": 0.0},
        **entries,
    }
    file.write_text(yaml.safe_dump(content))
    return file


def write_pool(file: Path, smiles: Sequence[str]) -> Path:
    file.write_text("".join(f"{text}\n" for text in smiles))
    return file


def campaign(folder: Path, smiles: Sequence[str] = MOLECULES, **entries: Any) -> CampaignConfig:
    pool = write_pool(folder / "pool.smi", smiles)
    return load_campaign(write_config(folder / "campaign.yaml", folder / "labels", pool, **entries))


def torsion_campaign(folder: Path, smiles: tuple[str, ...] = (), **settings: Any) -> CampaignConfig:
    return campaign(
        folder, ("CCO",), rounds=[], torsions={"smiles": str(write_pool(folder / "list.smi", smiles))} | settings
    )


def complex_task(first: str, second: str, family: str) -> ComplexTask:
    keys = (Molecule.from_smiles(first).inchikey, Molecule.from_smiles(second).inchikey)
    return ComplexTask(keys, (first, second), ("test", "test"), family, displaced=False)


def compute_here(config: CampaignConfig) -> list[Label]:
    """Compute the campaign in this process, without any interruption."""
    current = CurrentTask(config.folder / "test.current")
    for chunk in stored_plan(config, lambda line: None).chunks:
        assert compute_chunk(chunk, config, current)
    return list(LabelStore(config.folder).labels())


def assert_same_rows(folder: Path, expected: Sequence[Label]) -> None:
    """Every expected row is in the store once, with the same geometry and numbers, and no other."""
    rows: list[Any] = list(LabelStore(folder).labels())
    assert sorted(row.identifier for row in rows) == sorted(row.identifier for row in expected)
    others: dict[str, Any] = {row.identifier: row for row in expected}
    for row in rows:
        other = others[row.identifier]
        assert (row.smiles, row.kind, row.detail, row.failure) == (
            other.smiles,
            other.kind,
            other.detail,
            other.failure,
        )
        np.testing.assert_array_equal(row.positions, other.positions)
        np.testing.assert_allclose(row.energy, other.energy, rtol=0, atol=1e-6)
        np.testing.assert_allclose(row.forces, other.forces, atol=1e-3)


@contextmanager
def started_command(config_file: Path, *options: str, **popen: Any) -> Iterator["subprocess.Popen[str]"]:
    """`virialff label CONFIG` in a process of its own, which does not outlive the block."""
    command = [sys.executable, "-m", "virialff.cli", "label", str(config_file), "--interval", "0.5", *options]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, **popen)
    try:
        yield process
    finally:
        process.kill()
        process.communicate()


def run_command(config_file: Path, *options: str, **popen: Any) -> "subprocess.CompletedProcess[str]":
    """The same, to its end."""
    with started_command(config_file, *options, **popen) as process:
        output, errors = process.communicate(timeout=300)
    return subprocess.CompletedProcess(process.args, process.returncode, output, errors)


def worker_processes(folder: Path) -> list[int]:
    """Processes that compute the campaign in `folder` now, whoever started them."""
    found = []
    for entry in Path("/proc").iterdir():
        try:
            words = (entry / "cmdline").read_bytes().split(b"\0") if entry.name.isdecimal() else []
        except (FileNotFoundError, ProcessLookupError):
            continue
        ours = any(word.startswith(f"{folder}/jobs/".encode()) for word in words)
        if ours and b"training.labelling.campaign.worker" in words and b"srun" not in words[0]:
            found.append(int(entry.name))
    return found


def wait_until(true: Callable[[], Any], what: str, seconds: float = 180.0) -> None:
    deadline = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < deadline, f"{what} did not happen within {seconds:.0f} s"
        time.sleep(0.01)


def at_slow_molecule(folder: Path) -> bool:
    """Whether a worker computes the slow molecule now, and another task is stored already."""
    current = [CurrentTask(path).read() for path in folder.glob("jobs/*/worker_*.current")]
    return SLOW_KEY in current and bool(tasks_stored(folder))


def tasks_stored(folder: Path) -> set[str]:
    return LabelStore(folder).tasks() if folder.exists() else set()


def is_running(process: int) -> bool:
    """Whether it computes still; one that has ended and only waits for its parent to notice does not."""
    try:
        return Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False
