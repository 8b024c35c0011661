"""Energies of every conformer by the model and, side by side, by other methods. In kcal/mol, or --unit.

Coordinates are taken as they are: nothing is optimised. A SMILES, and a molecule without coordinates, needs --generate.
Consecutive records of the same molecule are its conformers. `relative` counts from the lowest conformer of the
molecule by the same method; `atomization` is isolated atoms minus molecule, each at its own level of theory. Total
energies of different methods have different zeros, so the text shows them for the model alone.
DFT (`pyscf`, `psi4`: wB97X-D/def2-SVP) takes from seconds to many minutes a conformer; a line tells each one done.
Spreads are standard deviations over the members of the model, where it has further ones. Half-widths (±) are of
intervals that hold so many per cent of a calibrated model's errors on held-out labels.
A method that lacks an element leaves its columns empty, says so, and makes the exit code 1.
--reference compares the relative energies of all methods with those of one of them, or with energies of the input: a
data field of an SDF, or what a comment of an XYZ file names. Their unit is in the name of the field
("Energy (kJ/mol)", "e_kcal_per_mol"), or given by --reference-unit.
"""

from __future__ import annotations

import argparse
import re
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Any, cast

import numpy as np

from virialff.commands import inputs
from virialff.commands.messages import say
from virialff.commands.output import form_of, write
from virialff.commands.report import Place, Report, add_output_arguments, plain
from virialff.errors import MissingCoordinatesError, MoleculeError
from virialff.text import counted
from virialff.units import ENERGY_UNITS, KCAL_MOL, EnergyUnit

if TYPE_CHECKING:
    import pandas as pd

    from virialff.methods.comparison import Comparison, MethodProgress
    from virialff.methods.method import Method
    from virialff.models.force_field import Model
    from virialff.models.intervals import EnergyIntervals, Quantity
    from virialff.molecules.environments import RareAtoms
    from virialff.molecules.molecule import Molecule

#: Of the kinds of energies those that have intervals, and what of.
_QUANTITIES: Mapping[str, Quantity] = {"total": "total", "relative": "conformers"}

SUMMARY = "energies of conformers by the model, GFN2-xTB, ANI and DFT"


@dataclass(frozen=True)
class OfModel:
    """What the model says beyond energies: nothing where it is not among the methods."""

    name: str = ""  #: among the methods
    baseline: float = 0.0  #: what `pair` lies below `total`, kcal/mol
    #: Standard deviations of `total`, `relative` and `rank` over the members of the model, where it has further ones.
    spreads: Mapping[str, np.ndarray] = field(default_factory=dict)
    #: Intervals of `total` and `relative`, where the model was calibrated.
    intervals: Mapping[str, EnergyIntervals] = field(default_factory=dict)
    #: Which atoms were rare in the model's training, where that is known.
    rare: RareAtoms | None = None


@dataclass(frozen=True)
class AgainstReference:
    """Relative energies of the methods beside those of a reference, for one molecule, kcal/mol."""

    name: str
    relative: np.ndarray  #: (n_conformers,), of the reference; NaN where it has none
    #: By method, (n_conformers,): relative to its own lowest of the conformers that both have, minus the reference.
    differences: Mapping[str, np.ndarray]
    table: pd.DataFrame  #: a row a method, as `methods.comparison.Agreement`
    field: bool  #: whether the energies are of the input

    @classmethod
    def of(cls, found: Comparison, reference: str, given: np.ndarray | None) -> AgainstReference:
        """given: energies of the input (n_conformers,); None where the reference is a method."""
        import pandas as pd

        from virialff.methods.comparison import agreement

        by_name = {method.name: method.values for method in found.methods}
        none = np.full(found.molecule.n_conformers, np.nan)
        values = by_name.pop(reference, none) if given is None else given
        differences, rows = {}, []
        for name, energies in by_name.items():
            common = np.isfinite(energies) & np.isfinite(values)
            differences[name] = none.copy()
            if common.any():
                differences[name][common] = _above_lowest(energies[common]) - _above_lowest(values[common])
            rows.append(agreement(name, reference, energies, values))
        relative = values - np.nanmin(values) if np.isfinite(values).any() else none
        return cls(reference, relative, differences, pd.DataFrame(rows), given is not None)

    def as_record(self, unit: EnergyUnit) -> dict[str, Any]:
        """JSON-ready: the reference, and by method its differences and how it agrees."""
        from virialff.methods.tables import json_energies, json_numbers

        methods = {}
        for _, row in self.table.iterrows():
            energies = json_energies([row["rmse"], row["mae"], row["rmse_aligned"]], unit)
            correlations = json_numbers([row["pearson"], row["spearman"]])
            methods[row["first"]] = {
                "difference": json_energies(self.differences[row["first"]], unit),
                "n_conformers": int(row["n_conformers"]),
                **dict(zip(("rmse", "mae", "rmse_aligned"), energies, strict=True)),
                **dict(zip(("pearson", "spearman"), correlations, strict=True)),
            }
        return {"name": self.name, "relative": json_energies(self.relative, unit), "methods": methods}


def _above_lowest(energies: np.ndarray) -> np.ndarray:
    return np.asarray(energies - energies.min())


def reference_energies(item: inputs.Record, field: str, unit: str | None) -> np.ndarray:
    """The energies (n_conformers,) in kcal/mol that the records of a molecule have in a data field.

    Raises MoleculeError where none has it, one is no number, the unit is not known, or conformers are made here.
    """
    if len(item.fields) != item.molecule.n_conformers:
        raise MissingCoordinatesError(
            f"the energies in the field {field} belong to geometries, and the input has none; give a file that has them"
        )
    found = {name: ENERGY_UNITS[unit] if unit else _unit_of(name) for name in item.fields[0] if _is_field(name, field)}
    name = next(iter(found), field)
    if not any(name in fields for fields in item.fields):
        has = ", ".join(list(item.fields[0])[:12]) or "none"
        raise MoleculeError(f"there is no field {field} in it; its fields are {has}")
    in_kcal_mol = found.get(name)
    if in_kcal_mol is None:
        raise MoleculeError(f"the name of the field {name} says no unit; give it by --reference-unit")
    values = np.full(len(item.fields), np.nan)
    for index, fields in enumerate(item.fields):
        try:
            values[index] = float(fields[name].lower().replace("d", "e")) if name in fields else np.nan
        except ValueError:
            raise MoleculeError(
                f"the field {name} of conformer {index + 1} is no number: {fields[name][:40]!r}"
            ) from None
    return values * in_kcal_mol.in_kcal_mol


def _is_field(name: str, asked: str) -> bool:
    """Whether a field is the one asked for: by its whole name, or without the unit in brackets."""
    return name == asked or name.partition("(")[0].strip() == asked


def _unit_of(name: str) -> EnergyUnit | None:
    words = re.sub(r"[^a-z]+", " ", name.lower())
    for unit, pattern in (
        ("kcal/mol", r"kcal"),
        ("kJ/mol", r"kj"),
        ("eV", r"\bev\b"),
        ("Eh", r"\b(eh|ha|hartrees?|au|a u)\b"),
    ):
        if re.search(pattern, words):
            return ENERGY_UNITS[unit]
    return None


def add_arguments(parser: argparse.ArgumentParser) -> None:
    inputs.add_input_arguments(parser)
    add_output_arguments(parser)
    inputs.add_method_argument(parser)
    inputs.add_unit_argument(parser)
    inputs.add_generate_arguments(parser)
    parser.add_argument("--sdf", metavar="FILE.sdf", help="write the conformers with their energies as data fields")
    parser.add_argument(
        "--reference", metavar="NAME", help="compare with this method, or with the energies of this field of the input"
    )
    parser.add_argument("--reference-unit", choices=tuple(ENERGY_UNITS), help="of the energies of such a field")


def run(arguments: argparse.Namespace) -> int:
    from virialff.methods.comparison import compare_methods

    methods = inputs.methods(arguments)
    field = inputs.reference_field(arguments, methods)
    model_name = inputs.name_of_model(methods)
    report, unit = Report(arguments, "energy"), inputs.unit(arguments)
    if arguments.sdf is not None:
        form_of(arguments.sdf, ("sdf",), "--sdf")
    structures: list[str] = []
    differences: dict[str, list[np.ndarray]] = {}
    for item in inputs.usable_records(arguments, report):
        label = item.label
        try:
            molecule = inputs.with_conformers(report, label, item.molecule, arguments.generate, arguments.seed)
            found = compare_methods(molecule, methods, quantity=None, progress=_progress())
            given = None if field is None else reference_energies(item, field, arguments.reference_unit)
        except MoleculeError as error:
            report.fail(label, error.message)
            continue
        inputs.complain(report, label, found)
        if not found.methods:
            continue
        model = methods.get(model_name)
        own = of_model(model_name, model, molecule) if model and model_name not in found.left_out else OfModel()
        against = AgainstReference.of(found, arguments.reference, given) if arguments.reference else None
        if against is not None:
            for name, values in against.differences.items():
                if np.isfinite(values).sum() > 1:
                    differences.setdefault(name, []).append(values[np.isfinite(values)])
        as_structures = partial(_as_structures, found, methods, own, unit, against)
        report.add(
            label,
            text=partial(as_text, label, found, methods, own, unit, against),
            record=partial(as_record, found, methods, own, unit, against),
            table=partial(as_table, found, methods, own, unit, against),
            structures=as_structures,
        )
        if arguments.sdf is not None:
            structures.append(as_structures("sdf", report.place(label)))
    if structures:
        text = "".join(structures)
        write(arguments.sdf, "sdf", text)
        say(f"wrote {counted(text.count('$$$$'), 'conformer')} to {arguments.sdf}")
    if arguments.reference is not None:
        report.summarise(*_summary(arguments.reference, differences, unit))
    return report.finish()


def _summary(
    reference: str, differences: Mapping[str, list[np.ndarray]], unit: EnergyUnit
) -> tuple[str, dict[str, Any]]:
    """The errors over all molecules of two conformers or more, as text and JSON-ready."""
    rows = {}
    for name, parts in differences.items():
        values = np.concatenate(parts) / unit.in_kcal_mol
        rows[name] = {
            "n_molecules": len(parts),
            "n_conformers": len(values),
            "mae": float(np.abs(values).mean()),
            "rmse": float(np.sqrt(np.mean(values**2))),
            "largest": float(np.abs(values).max()),
        }
    lines = [f"relative energies against {reference}, {unit.name}, of molecules of two conformers or more"]
    lines += [
        f"  {name}: MAE {row['mae']:.{unit.decimals}f}, RMSE {row['rmse']:.{unit.decimals}f}, largest "
        f"{row['largest']:.{unit.decimals}f}, {counted(int(row['n_conformers']), 'conformer')} of "
        f"{counted(int(row['n_molecules']), 'molecule')}"
        for name, row in rows.items()
    ]
    return "\n".join(lines if rows else [f"{lines[0]}: there is none"]), {
        "reference": reference,
        "units": {"energy": unit.name},
        "methods": rows,
    }


def of_model(name: str, method: Method, molecule: Molecule) -> OfModel:
    """The baseline, spreads over the members, intervals and rare atoms of a molecule by the model."""
    from virialff.models.intervals import uncertainties
    from virialff.models.members import energy_spread

    model = cast("Model", method)
    found = energy_spread(model, molecule)
    spreads = {} if found is None else {"total": found.total, "relative": found.relative, "rank": found.rank}
    known = uncertainties(model, molecule, ["total", "conformers"])
    intervals = {kind: known[name].intervals() for kind, name in _QUANTITIES.items() if name in known}
    baseline = model.force_field(molecule).baseline
    return OfModel(name, baseline, spreads, intervals, model.rare_atoms(molecule))


def _progress() -> MethodProgress:
    """Tells each conformer done by DFT."""
    from virialff.engines import DFT_ENGINES

    last, began = time.monotonic(), dict[str, float]()

    def tell(name: str, done: int, total: int) -> None:
        nonlocal last
        start = began.setdefault(name, last)
        last = time.monotonic()
        if name in DFT_ENGINES:
            left = (last - start) / done * (total - done)
            say(f"{name}: conformer {done} of {total}, {left:.0f} s left")

    return tell


def _values(found: Comparison, own: OfModel) -> dict[str, dict[str, np.ndarray]]:
    """By method `total`, for the model `pair`, `relative` and `atomization`, each (n_conformers,), kcal/mol."""
    values = {}
    for method in found.methods:
        values[method.name] = {"total": method.values}
        if method.name == own.name:
            values[method.name]["pair"] = method.values - own.baseline
        values[method.name] |= {"relative": method.relative, "atomization": method.atomization_energies}
    return values


def as_table(
    found: Comparison,
    methods: Mapping[str, Method],
    own: OfModel,
    unit: EnergyUnit = KCAL_MOL,
    against: AgainstReference | None = None,
) -> pd.DataFrame:
    """A row for each conformer, columns `<method>_<kind>_<unit>`; empty where a method gave nothing."""
    import pandas as pd

    from virialff.methods.tables import with_energies_in

    molecule, values = found.molecule, _values(found, own)
    table = pd.DataFrame({"smiles": molecule.smiles, "conformer": np.arange(1, molecule.n_conformers + 1)})
    for name in methods:
        for kind in ("total", *(["pair"] if name == own.name else []), "relative", "atomization"):
            table[f"{name}_{kind}_kcal_per_mol"] = values.get(name, {}).get(kind, np.nan)
        if name == own.name:
            for kind, spread in own.spreads.items():
                table[f"{name}_{kind}_spread{'' if kind == 'rank' else '_kcal_per_mol'}"] = spread
            for kind, intervals in own.intervals.items():
                for percent, widths in intervals.by_percent().items():
                    table[f"{name}_{kind}_half_width_{percent}_percent_kcal_per_mol"] = widths
            if own.rare is not None:
                table[f"{name}_rare_atoms"] = int(own.rare.mask.sum())
    if against is not None:
        if against.field:
            table["reference_relative_kcal_per_mol"] = against.relative
        for name, difference in against.differences.items():
            table[f"{name}_minus_reference_kcal_per_mol"] = difference
    return with_energies_in(table, unit)


def as_record(
    found: Comparison,
    methods: Mapping[str, Method],
    own: OfModel,
    unit: EnergyUnit = KCAL_MOL,
    against: AgainstReference | None = None,
) -> dict[str, Any]:
    """The same as a JSON-ready dictionary."""
    from virialff.methods.method import described
    from virialff.methods.tables import json_energies, json_half_widths, json_numbers

    values = _values(found, own)
    records: dict[str, Any] = {}
    for name, method in methods.items():
        records[name] = described(method)
        if name in found.left_out:
            records[name]["error"] = found.left_out[name]
        else:
            records[name] |= {kind: json_energies(energies, unit) for kind, energies in values[name].items()}
        if name == own.name:
            for kind, spread in own.spreads.items():
                values_of = json_numbers(spread) if kind == "rank" else json_energies(spread, unit)
                records[name][f"{kind}_spread"] = values_of
            for kind, intervals in own.intervals.items():
                records[name][f"{kind}_half_widths"] = json_half_widths(intervals, unit)
            if own.rare is not None:
                records[name] |= {"rare_atoms": np.flatnonzero(own.rare.mask).tolist(), "rare": own.rare.as_dict()}
    reference = {} if against is None else {"reference": against.as_record(unit)}
    molecule = found.molecule
    return {
        "smiles": molecule.smiles,
        "n_conformers": molecule.n_conformers,
        "units": {"energy": unit.name},
        "methods": records,
        **reference,
        "notes": [own.rare.sentence] if own.rare is not None and own.rare.any else [],
    }


def as_text(
    label: str,
    found: Comparison,
    methods: Mapping[str, Method],
    own: OfModel,
    unit: EnergyUnit = KCAL_MOL,
    against: AgainstReference | None = None,
) -> str:
    """A heading, the level of theory of each method, and a table."""
    import pandas as pd

    kinds = ["relative", "atomization"] if len(methods) > 1 else ["total", "pair", "relative", "atomization"]
    n = found.molecule.n_conformers
    table = pd.DataFrame({"conformer": np.arange(1, n + 1)})
    for name, values in _values(found, own).items():
        for kind in kinds:
            if kind in values:
                table[f"{name} {kind}"] = values[kind] / unit.in_kcal_mol
            if kind in own.spreads and name == own.name:
                table[f"{kind} spread"] = own.spreads[kind] / unit.in_kcal_mol
            if kind in own.intervals and name == own.name:
                table[f"{kind} ± 95 %"] = own.intervals[kind].of(0.95) / unit.in_kcal_mol
    if against is not None:
        if against.field:
            table[against.name] = against.relative / unit.in_kcal_mol
        for name, difference in against.differences.items():
            table[f"{name} - {against.name}"] = difference / unit.in_kcal_mol
    lines = [f"record {label}: {found.molecule.formula}, {counted(n, 'conformer')}, energies in {unit.name}"]
    lines += [
        f"  {name}: {method.name + ', ' if name == inputs.MODEL else ''}{method.level}"
        for name, method in methods.items()
    ]
    lines += [f"  {name}: no energies: {reason}" for name, reason in found.left_out.items()]
    lines += [f"  {own.rare.sentence}"] if own.rare is not None and own.rare.any else []
    lines.append(plain(table, unit.decimals))
    if against is not None and n > 1:
        shown = against.table.drop(columns=["second"]).rename(columns={"first": "method"})
        for column in ("rmse", "mae", "rmse_aligned"):
            shown[column] /= unit.in_kcal_mol
        lines += [f"relative energies against {against.name}, {unit.name}", plain(shown, unit.decimals)]
    return "\n".join(lines)


def _as_structures(
    found: Comparison,
    methods: Mapping[str, Method],
    own: OfModel,
    unit: EnergyUnit,
    against: AgainstReference | None,
    form: str,
    place: Place,
) -> str:
    """The conformers with the columns of the table as SDF or XYZ."""
    from virialff.export.ensembles import geometries_sdf, geometries_xyz, table_fields

    table = as_table(found, methods, own, unit, against).drop(columns="smiles")
    fields = table_fields(table, {method.name: method.level for method in found.methods}, place)
    return (geometries_xyz if form == "xyz" else geometries_sdf)(found.molecule, fields)
