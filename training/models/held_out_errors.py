"""Errors of a model on the validation and test labels of a store, with what intervals are made from."""

from __future__ import annotations

import zlib
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from training.models.intervals import HeldOutErrors
from virialff.benchmarks.held_out import SplitRule
from virialff.errors import ConfigError
from virialff.labels.evaluation_sets import evaluation_reason
from virialff.labels.groups import molecule_of, task_groups, turned_bond
from virialff.labels.schema import COLUMN_OF, Label
from virialff.labels.splits import MONOMERS, Split, split_of_record
from virialff.labels.store import LabelStore
from virialff.models.force_field import Model
from virialff.models.intervals import RELATIVE, MemberEnergies, Quantity, member_energies

#: Molecules and, again, complexes of each split that are measured, drawn at random; scans are all measured.
MOST_GROUPS = 120
_COMPLEX, _MINIMUM = "complex", "minimum"
#: Scans of one torsion, point by point: what is read as a profile.
_PROFILES = ("torsion_relaxed", "torsion_rigid")
_DOUBLE = 2.0
_BATCH = 24
_INDEX = ("inchikeys", "source", "kind", "detail", "level_of_theory", "failure")


class HeldOutIndex(NamedTuple):
    """What a store holds of one level beyond the training of a model: split by InChIKeys, and those that have scans."""

    level: str
    splits: Mapping[tuple[str, ...], Split]
    scanned: frozenset[tuple[str, ...]]


def held_out_index(labels: Path, rule: SplitRule) -> dict[str, HeldOutIndex]:
    """By level of theory, without what is kept for evaluation. Raises StoreError as reading the store does."""
    found: dict[str, set[tuple[str, ...]]] = defaultdict(set)
    scanned: dict[str, set[tuple[str, ...]]] = defaultdict(set)
    monomers: set[str] = set()
    for table in LabelStore(labels).tables([COLUMN_OF[name] for name in _INDEX]):
        for row in table.rename_columns(_INDEX).to_pylist():
            if row["failure"] is None:
                keys, level = tuple(row["inchikeys"]), row["level_of_theory"]
                found[level].add(keys)
                if row["detail"] in _PROFILES:
                    scanned[level].add(keys)
                if row["source"] == MONOMERS and row["kind"] != _COMPLEX:
                    monomers.add(keys[0])
    index = {}
    for level, groups in found.items():
        splits = {
            keys: split_of_record(keys, always_train=monomers, seed=rule.seed, fractions=rule.fractions)
            for keys in groups
        }
        held = {keys: split for keys, split in splits.items() if split != "train" and evaluation_reason(keys) is None}
        index[level] = HeldOutIndex(level, held, frozenset(scanned[level] & set(held)))
    return index


def most_labelled(index: dict[str, HeldOutIndex], without: str) -> str | None:
    """The level, but for one, that has most held-out molecules and complexes."""
    counts = Counter({level: len(part.splits) for level, part in index.items() if level != without})
    return counts.most_common(1)[0][0] if counts else None


def held_out_errors(
    model: Model,
    labels: Path,
    index: HeldOutIndex,
    *,
    most_groups: int = MOST_GROUPS,
    progress: Callable[[int, int], None] | None = None,
) -> dict[Quantity, HeldOutErrors]:
    """The errors by quantity against the labels of one level; total energies only where it is that of the model.

    Raises StoreError, CheckpointError where a member's file is damaged, ConfigError where there is nothing to measure.
    """
    chosen = _chosen(index, most_groups)
    rows: dict[Quantity, list[tuple[MemberEnergies, NDArray[np.float64], str, bool]]] = defaultdict(list)
    groups = _groups(labels, index, chosen)
    done = 0
    for start in range(0, len(groups), _BATCH):
        part = groups[start : start + _BATCH]
        for group, energies in _energies(model, part):
            keys = group[0].inchikeys
            for quantity, own, reference in _of_group(group, energies, totals=index.level == model.level_of_theory):
                rows[quantity].append((own, reference, "+".join(sorted(keys)), index.splits[keys] == "test"))
        done += len(part)
        if progress is not None:
            progress(done, len(groups))
    if not rows:
        raise ConfigError(f"{labels} has no validation or test labels of {index.level} that {model.name} can compute.")
    return {quantity: _joined(quantity, parts) for quantity, parts in rows.items()}


def _chosen(index: HeldOutIndex, most: int) -> frozenset[tuple[str, ...]]:
    chosen = set(index.scanned)
    for split in ("validation", "test"):
        for single in (True, False):
            keys = [keys for keys, part in index.splits.items() if part == split and (len(keys) == 1) == single]
            chosen.update(sorted(keys, key=lambda names: (zlib.crc32("+".join(names).encode()), names))[:most])
    return frozenset(chosen)


def _groups(labels: Path, index: HeldOutIndex, chosen: frozenset[tuple[str, ...]]) -> list[list[Label]]:
    """The rows of one task and atom order together, molecules' minima and profiles and complexes alone."""

    def wanted(table: pa.Table) -> NDArray[np.bool_]:
        names = ("level_of_theory", "inchikeys", "kind", "detail")
        columns = (table[COLUMN_OF[name]].to_pylist() for name in names)
        rows = [
            level == index.level and tuple(keys) in chosen and (kind in (_COMPLEX, _MINIMUM) or detail in _PROFILES)
            for level, keys, kind, detail in zip(*columns, strict=True)
        ]
        return np.array(rows, dtype=bool)

    return task_groups(labels, wanted)


def _energies(model: Model, groups: Sequence[list[Label]]) -> Iterator[tuple[list[Label], MemberEnergies]]:
    """By the model and its members, all molecules in one batch, without those of elements that it does not know."""
    known = [(group, molecule) for group in groups if model.unsupported(molecule := molecule_of(group)) is None]
    molecules = [molecule for _, molecule in known]
    fields = zip(*(part.force_fields(molecules) for part in (model, *model.members)), strict=True)
    for (group, molecule), own in zip(known, fields, strict=True):
        yield group, member_energies(model, molecule, fields=own)


def _of_group(
    group: Sequence[Label], energies: MemberEnergies, *, totals: bool
) -> Iterator[tuple[Quantity, MemberEnergies, NDArray[np.float64]]]:
    first = group[0]
    if first.kind == _COMPLEX:
        known = np.array([label.interaction_energy is not None for label in group])
        yield (
            "interaction",
            _part(energies, known),
            np.array([label.interaction_energy for label in group if label.interaction_energy is not None]),
        )
        return
    reference = np.array([np.nan if label.energy is None else label.energy for label in group])
    details = np.array([label.detail for label in group])
    minima = np.array([label.kind == _MINIMUM for label in group]) & np.isfinite(reference)
    if totals and minima.any():
        yield "total", _part(energies, minima), reference[minima]
    for detail in np.unique(details):
        same = (details == detail) & np.isfinite(reference)
        if same.sum() > 1 and (minima & same).any():
            yield "conformers", _part(energies, same), reference[same]
        elif same.sum() > 1 and detail in _PROFILES and not _turns_double_bond(first):
            yield "torsion", _part(energies, same), reference[same]


def _turns_double_bond(label: Label) -> bool:
    """Whether a scan turns a double bond, whose middle is a diradical."""
    ends = set(turned_bond(label.task))
    return any(set(bond) == ends and order == _DOUBLE for bond, order in zip(label.bonds.tolist(), label.orders))


def _part(energies: MemberEnergies, chosen: NDArray[np.bool_]) -> MemberEnergies:
    interaction = None if energies.interaction is None else energies.interaction[:, chosen]
    return replace(energies, total=energies.total[:, chosen], interaction=interaction)


def _joined(
    quantity: Quantity, parts: Sequence[tuple[MemberEnergies, NDArray[np.float64], str, bool]]
) -> HeldOutErrors:
    errors, features, groups, test = [], [], [], []
    for energies, reference, group, in_test in parts:
        predicted = energies.total[0] if energies.interaction is None else energies.interaction[0]
        found = predicted - reference
        kept = np.ones(len(found), dtype=bool)
        if quantity in RELATIVE:
            lowest = int(np.argmin(predicted))
            found = found - found[lowest]
            kept[lowest] = False
        errors.append(found[kept])
        features.append(energies.features(quantity)[kept])
        groups += [group] * int(kept.sum())
        test += [in_test] * int(kept.sum())
    return HeldOutErrors(np.concatenate(errors), np.concatenate(features), np.array(groups), np.array(test, dtype=bool))
