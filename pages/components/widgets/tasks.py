"""What the app computes in worker processes: library functions with their progress. Imports no Streamlit."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np

from pages.components.shell.worker import Report
from virialff.conformers import ensembles
from virialff.conformers import relax as relaxation
from virialff.conformers.generation import ConformerSearch, search
from virialff.conformers.relax import Relaxation
from virialff.engines import get_engine
from virialff.methods.model_engine import ModelEngine
from virialff.methods.old_runs import EnergyRun, continue_run
from virialff.molecules.molecule import Molecule

if TYPE_CHECKING:
    from virialff.methods.energy_methods import EnergyMethod


@dataclass(frozen=True)
class PartialEnergies:
    """What a method has computed so far."""

    key: str
    run: EnergyRun


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


def energies(report: Report, methods: Sequence[tuple[EnergyMethod, EnergyRun]], positions: np.ndarray) -> None:
    """Compute what is missing of each method's run; every part is reported as PartialEnergies."""
    for index, (method, known) in enumerate(methods):
        report(index, len(methods), f"{method.label}, starting")
        for run in continue_run(known, positions, method.energy):
            share = run.n_done / run.n_conformers
            text = f"{method.label}, {run.n_done} of {run.n_conformers} geometries"
            report(index + share, len(methods), text, PartialEnergies(method.key, run))


def relax(report: Report, molecule: Molecule, engine: str | ModelEngine, positions: np.ndarray) -> Relaxation:
    """`relaxation.relax` by an engine's name or the model."""
    used = get_engine(engine) if isinstance(engine, str) else engine
    report(0, len(positions), "first conformer")
    return relaxation.relax(
        molecule,
        used,
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
