"""The model card: what was measured of a finished run on data it never saw, and what the model cannot do."""

import datetime
import importlib.metadata
import math
import platform
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor

from training.dataset import COMPLEXES, KINDS, MINIMA, MOLECULES, LabelledGraph, load_pack
from training.predictions import predict_complexes, predict_molecules
from training.state import State
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
#: A complex whose energy is above that of its parts by more than this, in kcal/mol, is pushed together.
_REPULSIVE = 2.0
_PACKAGES = ("torch", "numpy", "dgl", "rdkit", "xtb")


class Predictions(NamedTuple):
    """What a run predicts for every record of the test split."""

    molecules: list[tuple[LabelledGraph, Tensor, Tensor]]
    """(record, total energies (n_conformers,) in kcal/mol, forces (n_conformers, n_atoms, 3) in kcal/mol/A)."""
    complexes: list[tuple[LabelledGraph, Tensor]]
    """(record, E(complex) - E(fragments) (n_conformers,) in kcal/mol)."""


def predict_test_split(state: State, packs: Path) -> Predictions:
    """Predictions of the averaged weights."""
    molecules, complexes = load_pack(packs / MOLECULES), load_pack(packs / COMPLEXES)
    return Predictions(
        list(predict_molecules(state.average, state.baseline, molecules.test)),
        list(predict_complexes(state.average, complexes.test)),
    )


def held_out_errors(predictions: Predictions) -> HoldoutResult:
    """Total energies at all minima, relative ones among the minima of the classical force field, forces everywhere."""
    energies, conformers, forces, interactions = _Rows(), _Rows(), _Rows(), _Rows()
    for record, energy, force in predictions.molecules:
        minima, classical = torch.isin(record.kinds, torch.tensor(MINIMA)), record.kinds == _CLASSICAL
        energies.add(record, energy[minima], record.energies[minima])
        if classical.sum() > 1:
            conformers.add(record, energy[classical], record.energies[classical])
        _add_forces(forces, record, force, record.forces)
    for record, energy in predictions.complexes:
        interactions.add(record, energy, record.energies)
    return HoldoutResult(
        total_energy=total_energy_errors(*energies.arrays()),
        relative_conformers=relative_energy_errors(*conformers.arrays()) if conformers.groups else None,
        forces=force_errors(*forces.arrays()),
        interaction=interaction_energy_errors(*interactions.arrays()),
    )


def errors_by_geometry(predictions: Predictions) -> dict[str, dict[str, dict[str, float]]]:
    """The same errors kind by kind: strongly distorted and pushed-together geometries have by far the largest."""
    result: dict[str, dict[str, dict[str, float]]] = {}
    for index, kind in enumerate(KINDS):
        energies, forces = _Rows(), _Rows()
        for record, energy, force in predictions.molecules:
            chosen = record.kinds == index
            if chosen.any():
                energies.add(record, energy[chosen], record.energies[chosen])
                _add_forces(forces, record, force[chosen], record.forces[chosen])
        if energies.groups:
            result[f"molecules: {kind}"] = {
                "total energy (kcal/mol)": total_energy_errors(*energies.arrays()).as_row(),
                "force component (kcal/mol/Angstrom)": force_errors(*forces.arrays()).as_row(),
            }
    for name, low, high in (("pushed together", _REPULSIVE, math.inf), ("not pushed together", -math.inf, _REPULSIVE)):
        interactions = _Rows()
        for record, energy in predictions.complexes:
            chosen = (record.energies > low) & (record.energies <= high)
            if chosen.any():
                interactions.add(record, energy[chosen], record.energies[chosen])
        if interactions.groups:
            errors = interaction_energy_errors(*interactions.arrays())
            result[f"complexes: {name}"] = {"interaction energy (kcal/mol)": errors.as_row()}
    return result


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


def _add_forces(rows: "_Rows", record: LabelledGraph, predicted: Tensor, reference: Tensor) -> None:
    known = ~torch.isnan(reference).any(dim=-1)
    rows.add(record, predicted[known], reference[known])


class _Rows:
    """Predictions, references and the record they belong to, gathered row by row."""

    def __init__(self) -> None:
        self.predicted: list[Tensor] = []
        self.reference: list[Tensor] = []
        self.groups: list[np.ndarray] = []

    def add(self, record: LabelledGraph, predicted: Tensor, reference: Tensor) -> None:
        self.predicted.append(predicted.double())
        self.reference.append(reference.double())
        self.groups.append(np.full(len(predicted), record.identifier))

    def arrays(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        return torch.cat(self.predicted).numpy(), torch.cat(self.reference).numpy(), np.concatenate(self.groups)
