"""What the app computes in worker processes: library functions with their progress. Imports no Streamlit."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from pages.components.shell.worker import Report
from virialff.conformers import ensembles
from virialff.conformers import relax as relaxation
from virialff.conformers.generation import ConformerSearch, search
from virialff.conformers.relax import Relaxation
from virialff.methods.method import get_method, with_forces
from virialff.methods.runs import MethodEnergies, energies_in_parts
from virialff.molecules.molecule import Molecule


@dataclass(frozen=True)
class Chosen:
    """A method that pages offer for one molecule: `get_method(name)` opens it, here and in another process.

    `key` names method and parameters for caches; `pace` is how long a conformer takes: next to nothing, well below a
    second, or minutes.
    """

    name: str
    label: str
    level: str
    key: str
    pace: Literal["instant", "quick", "slow"] = "quick"


@dataclass(frozen=True)
class PartialEnergies:
    """What the method with this key has computed so far."""

    key: str
    run: MethodEnergies


def generate(report: Report, molecule: Molecule, count: int, seed: int, relax: bool) -> tuple[ConformerSearch, int]:
    """`conformers.search` and the seed it had."""
    minimize: Literal["mmff"] | None = "mmff" if relax else None
    report(0, 0, "embedding")
    found = search(
        molecule,
        count,
        seed,
        minimize,
        progress=lambda done, total: report(done, total, f"{done} of {total} geometries relaxed"),
    )
    return found, seed


def energies(report: Report, methods: Sequence[tuple[Chosen, MethodEnergies]], ensemble: Molecule) -> None:
    """Compute what is missing of each method's energies; every part is reported as PartialEnergies."""
    for index, (chosen, known) in enumerate(methods):
        report(index, len(methods), f"{chosen.label}, starting")
        for run in energies_in_parts(get_method(chosen.name), ensemble, known):
            share = run.n_done / len(run.values)
            text = f"{chosen.label}, {run.n_done} of {len(run.values)} geometries"
            report(index + share, len(methods), text, PartialEnergies(chosen.key, run))


def relax(report: Report, molecule: Molecule, method: str, positions: np.ndarray) -> Relaxation:
    """`relaxation.relax` by the method of this name."""
    report(0, len(positions), "first conformer")
    return relaxation.relax(
        molecule,
        with_forces(get_method(method)),
        positions,
        progress=lambda done, total: report(done, total, f"{done} of {total} conformers"),
    )


def prune(
    report: Report, molecule: Molecule, energies: np.ndarray, rmsd: float, energy_window: float
) -> ensembles.Pruning:
    """`ensembles.prune` with its progress."""
    return ensembles.prune(
        molecule,
        energies,
        rmsd=rmsd,
        energy_window=energy_window,
        progress=lambda done, total: report(done, total, f"{done} of {total} conformers"),
    )
