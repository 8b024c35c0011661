"""The model card: what was measured of a finished run on data it never saw, and what the model cannot do."""

import datetime
import importlib.metadata
import json
import platform
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from training.data.pack import COMPLEXES, KINDS, MINIMA, MOLECULES, LabelledGraph, load_pack
from training.loop.evaluate import Predictions
from training.loop.state import State
from training.objectives.twin import predict_kinetic_energies
from virialff.benchmarks.calibration import calibrations
from virialff.benchmarks.statistics import ErrorSummary, summarize_errors
from virialff.elements import ATOMIC_NUMBERS, ELEMENTS
from virialff.engines import get_engine
from virialff.engines.dft import LEVEL_OF_THEORY as DFT_LEVEL
from virialff.molecules.environments import atom_environments, bond_environments, count_environments
from virialff.molecules.kinds import Parts, count_parts, parts_of
from virialff.networks.baseline import baseline_energies, bond_columns
from virialff.settings import ASSETS

#: A complex whose energy is above that of its parts by more than this, in kcal/mol, is pushed together.
_REPULSIVE = 2.0
#: Written by scripts/atomic_energies.py: at the DFT level they take minutes.
ATOMIC_ENERGIES = ASSETS / "data" / "atomic_energies.json"
#: Quantities of the card, with their units.
TOTAL, FORCE = "total energy (kcal/mol)", "force component (kcal/mol/Angstrom)"
INTERACTION = "interaction energy (kcal/mol)"
_PACKAGES = ("torch", "numpy", "dgl", "rdkit", "tblite", "xtb")


def held_out_errors(predictions: Predictions) -> dict[str, dict[str, float]]:
    """Total energies at all minima, relative ones among minima of one kind of a molecule, forces everywhere.

    By quantity (its unit in the name) as `ErrorSummary.as_row`. What the test split has no labels for is left out.
    """
    minima, (relative, rows) = predictions.energies.of_kinds(MINIMA), predictions.relative_errors()
    return _summaries(
        {
            TOTAL: (minima.errors, minima.records),
            "relative conformer energy (kcal/mol)": (relative, rows.ensembles),
            FORCE: (predictions.forces.errors, predictions.forces.records),
            INTERACTION: (predictions.interactions.errors, predictions.interactions.records),
        }
    )


def errors_by_geometry(predictions: Predictions) -> dict[str, dict[str, dict[str, float]]]:
    """The same errors kind by kind: strongly distorted and pushed-together geometries have by far the largest."""
    energies, forces, interactions = predictions
    result = {}
    for index, kind in enumerate(KINDS):
        parts = {TOTAL: energies.of_kinds([index]), FORCE: forces.of_kinds([index])}
        result[f"molecules: {kind}"] = _summaries({name: (part.errors, part.records) for name, part in parts.items()})
    pushed = interactions.reference > _REPULSIVE
    for name, chosen in (("pushed together", pushed), ("not pushed together", ~pushed)):
        part = interactions.where(chosen)
        result[f"complexes: {name}"] = _summaries({INTERACTION: (part.errors, part.records)})
    return {name: found for name, found in result.items() if found}


def calibration_of(predictions: Sequence[Predictions]) -> dict[str, dict[str, Any]]:
    """Spread against error on the test split, by quantity; `predictions` of the model and its members, in this order.

    Empty for a model without members.
    """
    minima = [part.energies.of_kinds(MINIMA) for part in predictions]
    relative = [part.relative_errors() for part in predictions]
    errors = {
        "total energy": ([part.errors for part in minima], minima[0].records),
        "energy above the lowest minimum": ([found for found, _ in relative], relative[0][1].records),
        "interaction energy": ([part.interactions.errors for part in predictions], predictions[0].interactions.records),
    }
    return {quantity: result.as_dict() for quantity, result in calibrations(errors).items()}


@torch.no_grad()
def kinetic_errors_held_out(state: State, packs: Path, *, descriptors: bool) -> ErrorSummary | None:
    """Errors of the kinetic-energy network of stage 1 on the test split, kcal/mol a molecule; None without labels.

    descriptors: the network was trained on atoms and bonds, so the reference is their sum, without the part between
    atoms that are not bonded.
    """
    errors: list[tuple[str, Tensor]] = []
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
        errors.append((record.identifier, known + energies.molecules.double()[0] - reference))
    return _summary(errors)


def twin_errors_held_out(state: State, packs: Path, reading: str) -> dict[str, ErrorSummary]:
    """Errors of the kinetic energies by a twin on the test split, kcal/mol a molecule: of all of them and, where the
    test split has larger ones than the training split, of those of its sizes. Empty without labels."""
    if state.twin_baseline is None:
        return {}
    molecules = load_pack(packs / MOLECULES)
    largest = max(_n_heavy(record) for record in molecules.train)
    errors: list[tuple[str, Tensor]] = []
    within: list[tuple[str, Tensor]] = []
    for record in molecules.test:
        if record.kinetic_energies is not None:
            predicted = predict_kinetic_energies(state.average, state.twin_baseline, record, reading)
            for kept in (errors, within) if _n_heavy(record) <= largest else (errors,):
                kept.append((record.identifier, predicted - record.kinetic_energies))
    found = {"": errors}
    if len(within) < len(errors):
        found[f", up to {largest} heavy atoms, as in training"] = within
    return {which: summary for which, part in found.items() if (summary := _summary(part)) is not None}


def _n_heavy(record: LabelledGraph) -> int:
    return int((record.graph.elements > 0).sum())


class TrainingEnvironments(NamedTuple):
    """What the training molecules of a model hold (virialff.molecules.environments)."""

    atoms: dict[str, int]
    """In how many of them each atom environment occurs."""
    bonds: list[str]
    """The bond environments that occur, sorted."""
    parts: dict[str, dict[str, str]]
    """Kinds of rotatable bonds and ring systems of molecules and of contacts of complexes (`kinds.count_parts`)."""


def training_environments(packs: Iterable[Path]) -> TrainingEnvironments:
    """Of the training molecules and complexes in these folders of packs."""
    molecules: dict[str, frozenset[str]] = {}
    joined: set[str] = set()
    parts: dict[str, Parts] = {}
    for folder in packs:
        for record in load_pack(folder / MOLECULES).train:
            if record.identifier not in molecules:
                symbols, bonds, types = _arrays(record)
                environments = atom_environments(symbols, bonds, types)
                molecules[record.identifier] = frozenset(environments)
                joined |= {text for text in bond_environments(environments, bonds, types) if text is not None}
                parts[record.identifier] = parts_of(symbols, bonds, types)
        if (folder / COMPLEXES).is_file():
            for record in load_pack(folder / COMPLEXES).train:
                if record.identifier not in parts:
                    found = parts_of(*_arrays(record), record.positions.double().numpy())
                    # Bonds and rings count where energies within a molecule are trained on.
                    parts[record.identifier] = found._replace(rotatable_bonds=(), ring_systems=())
    return TrainingEnvironments(count_environments(molecules.values()), sorted(joined), count_parts(parts.values()))


def _arrays(record: LabelledGraph) -> tuple[list[str], NDArray[np.int64], NDArray[np.int64]]:
    """Symbols (n_atoms,), bonds (n_bonds, 2) each once, and their positions in topology.BOND_TYPES."""
    graph = record.graph
    once = graph.bond_index[0] < graph.bond_index[1]
    symbols = [ELEMENTS[element] for element in graph.elements.tolist()]
    return symbols, graph.bond_index[:, once].T.numpy(), graph.bond_types[once].numpy()


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
        "parts": environments.parts,
        "metrics": metrics,
        "limitations": limitations,
        "versions": {"python": platform.python_version()}
        | {package: importlib.metadata.version(package) for package in _PACKAGES},
    }


def _summaries(errors: Mapping[str, tuple[NDArray[np.float64], NDArray[np.int64]]]) -> dict[str, dict[str, float]]:
    """By quantity, from errors (n,) or (n, 3) and the molecule or complex of each row."""
    return {
        name: summarize_errors(values.ravel(), np.repeat(groups, values[0].size)).as_row()
        for name, (values, groups) in errors.items()
        if len(values)
    }


def _summary(errors: Sequence[tuple[str, Tensor]]) -> ErrorSummary | None:
    """Of what is known, from the errors (n_conformers,) of records by their identifiers; None for nothing."""
    known = [(identifier, values[~values.isnan()].numpy()) for identifier, values in errors]
    groups = np.repeat([identifier for identifier, _ in known], [len(values) for _, values in known])
    return summarize_errors(np.concatenate([values for _, values in known]), groups) if len(groups) else None


def _atomic_energies(level: str) -> list[float]:
    """Energies of the isolated atoms at the level that a model was trained on, kcal/mol, in the order of ELEMENTS."""
    if ATOMIC_ENERGIES.is_file():
        kept = json.loads(ATOMIC_ENERGIES.read_text(encoding="utf-8"))
        if kept["level_of_theory"] == level:
            return [float(kept["energies_kcal_mol"][symbol]) for symbol in ELEMENTS]
    engine = get_engine("pyscf" if level == DFT_LEVEL else "gfn2")
    return [float(energy) for energy in engine.atomic_energies(np.array(ATOMIC_NUMBERS))]
