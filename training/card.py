"""The model card: what was measured of a finished run on data it never saw, and what the model cannot do."""

import datetime
import importlib.metadata
import platform
from pathlib import Path
from typing import Any

import numpy as np
import torch

from training.dataset import KINDS, MINIMA, LabelledGraph, load_pack
from training.loop import State, predict_complexes, predict_molecules
from virialff.benchmarks.holdout import (
    HoldoutResult,
    force_errors,
    interaction_energy_errors,
    relative_energy_errors,
    total_energy_errors,
)
from virialff.elements import ATOMIC_NUMBERS, ELEMENTS
from virialff.engines import get_engine

_CLASSICAL = KINDS.index("classical_minimum")
_PACKAGES = ("torch", "numpy", "dgl", "rdkit", "xtb")


def held_out_errors(state: State, packs: Path) -> HoldoutResult:
    """Errors of the averaged weights on the test split: total energies at all minima, relative ones among
    the minima of the classical force field, forces at all geometries."""
    molecules, complexes = load_pack(packs / "molecules.npz"), load_pack(packs / "complexes.npz")
    energies, conformers, forces = _Rows(), _Rows(), _Rows()
    for record, energy, force in predict_molecules(state.average, state.baseline, molecules.test):
        minima = torch.isin(record.kinds, torch.tensor(MINIMA))
        energies.add(record, energy[minima], record.energies[minima])
        classical = record.kinds == _CLASSICAL
        if classical.sum() > 1:
            conformers.add(record, energy[classical], record.energies[classical])
        forces.add(record, force.reshape(-1, 3), record.forces.reshape(-1, 3))
    interactions = _Rows()
    for record, energy in predict_complexes(state.average, complexes.test):
        interactions.add(record, energy, record.energies)
    return HoldoutResult(
        total_energy=total_energy_errors(*energies.arrays()),
        relative_conformers=relative_energy_errors(*conformers.arrays()) if conformers.groups else None,
        forces=force_errors(*forces.arrays()),
        interaction=interaction_energy_errors(*interactions.arrays()),
    )


def make_card(
    *,
    name: str,
    recipe: dict[str, Any],
    counts: dict[str, Any],
    state: State,
    metrics: dict[str, Any],
    limitations: list[str],
) -> dict[str, Any]:
    """The card of a finished run; `metrics` are results measured on data never trained on."""
    engine = get_engine("gfn2")
    atomic = engine.atomic_energies(np.array(ATOMIC_NUMBERS))
    return {
        "name": name,
        "date": datetime.datetime.now(datetime.UTC).date().isoformat(),
        "level_of_theory": recipe["level_of_theory"],
        "elements": list(ELEMENTS),
        "atomic_energies_kcal_mol": dict(zip(ELEMENTS, (float(energy) for energy in atomic), strict=True)),
        "units": {"charges": "e", "length": "Angstrom", "energy": "kcal/mol"},
        "data": counts,
        "split": {
            "by": "first InChIKey block",
            "seed": recipe["data"]["split_seed"],
            "fractions": recipe["data"]["fractions"],
        },
        "recipe": recipe | {"steps_done": state.step, "training_seconds": round(state.seconds)},
        "n_parameters": sum(parameter.numel() for parameter in state.average.parameters()),
        "metrics": metrics,
        "limitations": limitations,
        "versions": {"python": platform.python_version()}
        | {package: importlib.metadata.version(package) for package in _PACKAGES},
    }


class _Rows:
    """Predictions, references and the record they belong to, gathered row by row."""

    def __init__(self) -> None:
        self.predicted: list[torch.Tensor] = []
        self.reference: list[torch.Tensor] = []
        self.groups: list[np.ndarray] = []

    def add(self, record: LabelledGraph, predicted: torch.Tensor, reference: torch.Tensor) -> None:
        self.predicted.append(predicted.double())
        self.reference.append(reference.double())
        self.groups.append(np.full(len(predicted), record.identifier))

    def arrays(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        return torch.cat(self.predicted).numpy(), torch.cat(self.reference).numpy(), np.concatenate(self.groups)
