"""The model card: what was measured of a finished run on data it never saw, and what the model cannot do."""

import datetime
import importlib.metadata
import json
import math
import platform
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor

from training.data.pack import KINDS, MINIMA, MOLECULES, LabelledGraph, load_pack, load_packs
from training.loop.evaluate import predict_complexes, predict_molecules
from training.loop.state import State
from training.objectives.twin import predict_kinetic_energies
from virialff.benchmarks.calibration import calibrations
from virialff.benchmarks.holdout import (
    HoldoutResult,
    force_errors,
    interaction_energy_errors,
    relative_energy_errors,
    total_energy_errors,
)
from virialff.benchmarks.statistics import ErrorSummary
from virialff.elements import ATOMIC_NUMBERS, ELEMENTS
from virialff.engines import get_engine
from virialff.engines.dft import LEVEL_OF_THEORY as DFT_LEVEL
from virialff.molecules.environments import atom_environments, bond_environments, count_environments
from virialff.networks.baseline import Baseline, baseline_energies, bond_columns
from virialff.networks.force_field import ForceFieldNetwork
from virialff.settings import ASSETS

#: A complex whose energy is above that of its parts by more than this, in kcal/mol, is pushed together.
_REPULSIVE = 2.0
#: Written by scripts/atomic_energies.py: at the DFT level they take minutes.
ATOMIC_ENERGIES = ASSETS / "data" / "atomic_energies.json"
_PACKAGES = ("torch", "numpy", "dgl", "rdkit", "xtb")


class Predictions(NamedTuple):
    """What a run predicts for every record of the test split."""

    molecules: list[tuple[LabelledGraph, Tensor, Tensor]]
    """(record, total energies (n_conformers,) in kcal/mol, forces (n_conformers, n_atoms, 3) in kcal/mol/A)."""
    complexes: list[tuple[LabelledGraph, Tensor]]
    """(record, E(complex) - E(fragments) (n_conformers,) in kcal/mol)."""


def predict_test_split(network: ForceFieldNetwork, baseline: Baseline, packs: Path) -> Predictions:
    """Predictions of one parameter set."""
    molecules, complexes = load_packs(packs)
    return Predictions(
        list(predict_molecules(network, baseline, molecules.test)),
        list(predict_complexes(network, complexes.test)),
    )


def held_out_errors(predictions: Predictions) -> HoldoutResult:
    """Total energies at all minima, relative ones among minima of one kind of a molecule, forces everywhere.

    A minimum of another method lies in another basin. What the test split has no labels for is left out.
    """
    energies, conformers, forces, interactions = _Rows(), _Rows(), _Rows(), _Rows()
    for record, energy, force in predictions.molecules:
        minima = torch.isin(record.kinds, torch.tensor(MINIMA))
        energies.add(record, energy[minima], record.energies[minima])
        for kind in MINIMA:
            chosen = record.kinds == kind
            if chosen.sum() > 1:
                conformers.add(record, energy[chosen], record.energies[chosen], f" {KINDS[kind]}")
        _add_forces(forces, record, force, record.forces)
    for record, energy in predictions.complexes:
        interactions.add(record, energy, record.energies)
    return HoldoutResult(
        total_energy=total_energy_errors(*energies.arrays()) if len(energies) else None,
        relative_conformers=relative_energy_errors(*conformers.arrays()) if len(conformers) else None,
        forces=force_errors(*forces.arrays()) if len(forces) else None,
        interaction=interaction_energy_errors(*interactions.arrays()) if len(interactions) else None,
    )


def calibration_of(predictions: Sequence[Predictions]) -> dict[str, dict[str, Any]]:
    """Spread against error on the test split, by quantity; `predictions` of the model and its members, in this order.

    Empty for a model without members.
    """
    if len(predictions) < 2:
        return {}
    rows: dict[str, list[tuple[np.ndarray, np.ndarray, str]]] = {}
    for parts in zip(*(part.molecules for part in predictions), strict=True):
        record = parts[0][0]
        energies = torch.stack([energy for _, energy, _ in parts]).numpy()
        reference = record.energies.numpy()
        minima = torch.isin(record.kinds, torch.tensor(MINIMA)).numpy()
        rows.setdefault("total energy", []).append((energies[:, minima], reference[minima], record.identifier))
        for kind in MINIMA:
            chosen = np.flatnonzero(record.kinds.numpy() == kind)
            if len(chosen) > 1:
                lowest = chosen[np.argmin(reference[chosen])]
                others = chosen[chosen != lowest]
                relative = energies[:, others] - energies[:, [lowest]]
                rows.setdefault("energy above the lowest minimum", []).append(
                    (relative, reference[others] - reference[lowest], record.identifier)
                )
    for pairs in zip(*(part.complexes for part in predictions), strict=True):
        record = pairs[0][0]
        energies = torch.stack([energy for _, energy in pairs]).numpy()
        rows.setdefault("interaction energy", []).append((energies, record.energies.numpy(), record.identifier))
    return {quantity: result.as_dict() for quantity, result in calibrations(rows).items()}


@torch.no_grad()
def kinetic_errors_held_out(state: State, packs: Path, *, descriptors: bool) -> ErrorSummary | None:
    """Errors of the kinetic-energy network of stage 1 on the test split, kcal/mol a molecule; None without labels.

    descriptors: the network was trained on atoms and bonds, so the reference is their sum, without the part between
    atoms that are not bonded.
    """
    rows = _Rows()
    if state.average_kinetic is None or state.kinetic_baseline is None:
        return None
    for record in load_pack(packs / MOLECULES).test:
        if record.kinetic_atoms is None or record.kinetic_bonds is None or record.kinetic_energies is None:
            continue
        energies = state.average_kinetic(state.average.message_passing(record.graph), record.graph)
        if descriptors:
            weights = state.kinetic_baseline.weights
            known = weights[record.graph.elements].sum() + weights[bond_columns(record.graph)].sum()
            reference = record.kinetic_atoms.sum(dim=1) + record.kinetic_bonds.sum(dim=1)
        else:
            known = baseline_energies(state.kinetic_baseline, record.graph)[0]
            reference = record.kinetic_energies
        predicted = (known + energies.molecules.double()[0]).expand_as(reference)
        finite = ~reference.isnan()
        if finite.any():
            rows.add(record, predicted[finite], reference[finite])
    return total_energy_errors(*rows.arrays()) if len(rows) else None


def twin_errors_held_out(state: State, packs: Path, reading: str) -> dict[str, ErrorSummary]:
    """Errors of the kinetic energies by a twin on the test split, kcal/mol a molecule: of all of them and, where the
    test split has larger ones than the training split, of those of its sizes. Empty without labels."""
    if state.twin_baseline is None:
        return {}
    molecules = load_pack(packs / MOLECULES)
    largest = max(_n_heavy(record) for record in molecules.train)
    rows, within = _Rows(), _Rows()
    for record in molecules.test:
        if record.kinetic_energies is not None and (known := ~record.kinetic_energies.isnan()).any():
            predicted = predict_kinetic_energies(state.average, state.twin_baseline, record, reading)
            for kept in (rows, within) if _n_heavy(record) <= largest else (rows,):
                kept.add(record, predicted[known], record.kinetic_energies[known])
    found = {"": rows}
    if len(within) < len(rows):
        found[f", up to {largest} heavy atoms, as in training"] = within
    return {which: total_energy_errors(*part.arrays()) for which, part in found.items() if len(part)}


def _n_heavy(record: LabelledGraph) -> int:
    return int((record.graph.elements > 0).sum())


class TrainingEnvironments(NamedTuple):
    """What the training molecules of a model hold (virialff.molecules.environments)."""

    atoms: dict[str, int]
    """In how many of them each atom environment occurs."""
    bonds: list[str]
    """The bond environments that occur, sorted."""


def training_environments(packs: Iterable[Path]) -> TrainingEnvironments:
    """Of the training molecules in these folders of packs."""
    molecules: dict[str, frozenset[str]] = {}
    joined: set[str] = set()
    for folder in packs:
        for record in load_pack(folder / MOLECULES).train:
            if record.identifier not in molecules:
                graph = record.graph
                once = graph.bond_index[0] < graph.bond_index[1]
                symbols = [ELEMENTS[element] for element in graph.elements.tolist()]
                bonds, types = graph.bond_index[:, once].T.numpy(), graph.bond_types[once].numpy()
                environments = atom_environments(symbols, bonds, types)
                molecules[record.identifier] = frozenset(environments)
                joined |= {text for text in bond_environments(environments, bonds, types) if text is not None}
    return TrainingEnvironments(count_environments(molecules.values()), sorted(joined))


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
        if len(energies):
            result[f"molecules: {kind}"] = {"total energy (kcal/mol)": total_energy_errors(*energies.arrays()).as_row()}
        if len(forces):
            result[f"molecules: {kind}"]["force component (kcal/mol/Angstrom)"] = force_errors(
                *forces.arrays()
            ).as_row()
    for name, low, high in (("pushed together", _REPULSIVE, math.inf), ("not pushed together", -math.inf, _REPULSIVE)):
        interactions = _Rows()
        for record, energy in predictions.complexes:
            chosen = (record.energies > low) & (record.energies <= high)
            if chosen.any():
                interactions.add(record, energy[chosen], record.energies[chosen])
        if len(interactions):
            errors = interaction_energy_errors(*interactions.arrays())
            result[f"complexes: {name}"] = {"interaction energy (kcal/mol)": errors.as_row()}
    return result


def make_card(
    *,
    name: str,
    recipe: dict[str, Any],
    counts: dict[str, Any],
    state: State,
    environments: TrainingEnvironments,
    metrics: dict[str, Any],
    limitations: list[str],
) -> dict[str, Any]:
    """The card of a finished run; `metrics` are results measured on data never trained on."""
    atomic = _atomic_energies(recipe["level_of_theory"])
    return {
        "name": name,
        "date": datetime.datetime.now(datetime.UTC).date().isoformat(),
        "level_of_theory": recipe["level_of_theory"],
        "elements": list(ELEMENTS),
        "atomic_energies_kcal_mol": dict(zip(ELEMENTS, atomic, strict=True)),
        "units": {"charges": "e", "length": "Angstrom", "energy": "kcal/mol"},
        "data": counts,
        "split": {
            "by": "first InChIKey block",
            "seed": recipe["data"]["split_seed"],
            "fractions": recipe["data"]["fractions"],
        },
        "recipe": recipe | {"steps_done": state.step, "training_seconds": round(state.seconds)},
        "n_parameters": sum(parameter.numel() for parameter in state.average.parameters()),
        "environments": environments.atoms,
        "bond_environments": environments.bonds,
        "metrics": metrics,
        "limitations": limitations,
        "versions": {"python": platform.python_version()}
        | {package: importlib.metadata.version(package) for package in _PACKAGES},
    }


def _add_forces(rows: "_Rows", record: LabelledGraph, predicted: Tensor, reference: Tensor) -> None:
    known = ~torch.isnan(reference).any(dim=-1)
    rows.add(record, predicted[known], reference[known])


def _atomic_energies(level: str) -> list[float]:
    """Energies of the isolated atoms at the level that a model was trained on, kcal/mol, in the order of ELEMENTS."""
    if ATOMIC_ENERGIES.is_file():
        kept = json.loads(ATOMIC_ENERGIES.read_text(encoding="utf-8"))
        if kept["level_of_theory"] == level:
            return [float(kept["energies_kcal_mol"][symbol]) for symbol in ELEMENTS]
    engine = get_engine("pyscf" if level == DFT_LEVEL else "gfn2")
    return [float(energy) for energy in engine.atomic_energies(np.array(ATOMIC_NUMBERS))]


class _Rows:
    """Predictions, references and the record they belong to, gathered row by row."""

    def __init__(self) -> None:
        self.predicted: list[Tensor] = []
        self.reference: list[Tensor] = []
        self.groups: list[np.ndarray] = []

    def __len__(self) -> int:
        """Number of values."""
        return sum(map(len, self.predicted))

    def add(self, record: LabelledGraph, predicted: Tensor, reference: Tensor, part: str = "") -> None:
        """Add values of a record; `part` tells apart those that are no ensemble with its others."""
        self.predicted.append(predicted.double())
        self.reference.append(reference.double())
        self.groups.append(np.full(len(predicted), record.identifier + part))

    def arrays(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        return torch.cat(self.predicted).numpy(), torch.cat(self.reference).numpy(), np.concatenate(self.groups)
