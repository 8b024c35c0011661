"""One conformer of QMugs as rows of the label store: units, and the checks that its parts belong together."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import Literal

import numpy as np

from virialff.elements import ATOMIC_WEIGHTS, of_atoms
from virialff.engines.density import LOWDIN
from virialff.engines.dft import LEVEL_OF_THEORY, QMUGS
from virialff.labels.imports.qmugs.problems import ConformerId, Reason, Refused, conformer_id
from virialff.labels.imports.qmugs.structures import Structure
from virialff.labels.imports.qmugs.summary import SummaryRow
from virialff.labels.schema import Label
from virialff.labels.structure import structure_fields
from virialff.molecules.changes import connectivity_changes
from virialff.text import counted
from virialff.units import BOHR_IN_ANGSTROM, E_ANGSTROM_IN_DEBYE, HARTREE_IN_KCAL_MOL

Level = Literal["dft", "gfn2"]
LEVELS: tuple[Level, Level] = ("dft", "gfn2")
SOURCE = "qmugs"

_PREFIX: dict[Level, str] = {"dft": "DFT", "gfn2": "GFN2"}
_THEORY: dict[Level, str] = {"dft": LEVEL_OF_THEORY, "gfn2": "GFN2-xTB"}
_PROGRAM: dict[Level, str] = {"dft": "Psi4 (QMugs)", "gfn2": "xtb (QMugs)"}
_CHARGES: dict[Level, tuple[str, str]] = {
    "dft": ("DFT:LOWDIN_CHARGES", LOWDIN),
    "gfn2": ("GFN2:MULLIKEN_CHARGES", "Mulliken"),
}
_USED = ("TOTAL_ENERGY", "DIPOLE")

#: Energy of tag and summary, Eh: both are printed with all digits.
ENERGY_TOLERANCE = 1e-6
#: Nuclear repulsion of geometry and DFT: relative, and Eh. Coordinates of four decimals leave a tenth of it.
REPULSION_TOLERANCE = (3e-5, 2e-3)
#: Rotational constants B and C of geometry and GFN2-xTB, relative.
ROTATION_TOLERANCE = 5e-3
# h / (8 pi^2 c) in cm^-1 amu Angstrom^2.
_ROTATION_UNIT = 16.857629206


def task_name(conformer: ConformerId, level: Level) -> str:
    """Task of a conformer's row at one level: "qmugs/CHEMBL12/conf_00", "qmugs-gfn2/CHEMBL12/conf_00"."""
    return f"{SOURCE}/{conformer}" if level == "dft" else f"{SOURCE}-{level}/{conformer}"


def used_tags(level: Level) -> tuple[str, ...]:
    """The tags without which there is no row at a level."""
    check = "DFT:NUCLEAR_REPULSION_ENERGY" if level == "dft" else "GFN2:ROT_CONSTANTS"
    return ("CHEMBL_ID", "CONF_ID", *(f"{_PREFIX[level]}:{tag}" for tag in _USED), _CHARGES[level][0], check)


def check_structure(structure: Structure, conformer: ConformerId, row: SummaryRow) -> None:
    """Raise Refused unless the record is that of the conformer and its bonds are those of its geometry."""
    molecule = structure.molecule
    names = structure.text("CHEMBL_ID"), structure.text("CONF_ID")
    if conformer_id(*names) != conformer:
        raise Refused(Reason.DISAGREE, f"the record says {names[0]}/{names[1]}")
    if molecule.n_atoms != row.n_atoms:
        raise Refused(Reason.DISAGREE, f"the record has {counted(molecule.n_atoms, 'atom')}, the summary {row.n_atoms}")
    changes = connectivity_changes(molecule, molecule.positions[0])
    if changes:
        raise Refused(Reason.BONDS, changes[0])


def make_label(
    structure: Structure, conformer: ConformerId, row: SummaryRow, level: Level, *, any_geometry: bool = False
) -> Label:
    """The row at one level, in kcal/mol, Angstrom and e. `seconds` is 0: the release does not give it.

    any_geometry: take an energy that was computed at another geometry than the record's, and mark it in `detail`.

    Raises Refused where a tag is missing or unreadable, energies disagree, or the geometry is another one.
    """
    molecule, prefix = structure.molecule, _PREFIX[level]
    energy = structure.number(f"{prefix}:TOTAL_ENERGY")
    expected = row.dft_energy if level == "dft" else row.gfn2_energy
    if abs(energy - expected) > ENERGY_TOLERANCE:
        text = f"{prefix}:TOTAL_ENERGY is {energy:.6f} Eh, in the summary {expected:.6f} Eh"
        raise Refused(Reason.DISAGREE, text)
    dipole = structure.numbers(f"{prefix}:DIPOLE", 4)[:3]
    tag, scheme = _CHARGES[level]
    charges = structure.numbers(tag, molecule.n_atoms)
    difference = _repulsion_difference(structure) if level == "dft" else _rotation_difference(structure)
    if difference is not None and not any_geometry:
        raise Refused(Reason.OTHER_GEOMETRY, difference)
    task = task_name(conformer, level)
    detail = "saddle_gfn2" if row.saddle else "minimum_gfn2"
    return Label(
        identifier=f"{task}/0",
        task=task,
        **structure_fields(molecule),
        source=SOURCE,
        positions=molecule.positions[0],
        kind="displaced" if row.saddle else "minimum",
        detail=detail if difference is None else f"{detail}_of_another_geometry",
        level_of_theory=_THEORY[level],
        program=_PROGRAM[level],
        settings=json.dumps(asdict(QMUGS), sort_keys=True) if level == "dft" else "{}",
        energy=energy * HARTREE_IN_KCAL_MOL,
        dipole=dipole / E_ANGSTROM_IN_DEBYE,
        charges=charges,
        charge_scheme=scheme,
        seconds=0.0,
    )


def _repulsion_difference(structure: Structure) -> str | None:
    """A sentence if the nuclei of the record do not repel each other as those of the DFT calculation."""
    stated = structure.number("DFT:NUCLEAR_REPULSION_ENERGY")
    found = nuclear_repulsion(structure.molecule.numbers, structure.molecule.positions[0])
    relative, absolute = REPULSION_TOLERANCE
    if abs(found - stated) <= relative * found + absolute:
        return None
    return f"its nuclear repulsion is {found:.4f} Eh, that of the DFT calculation {stated:.4f} Eh"


def nuclear_repulsion(numbers: np.ndarray, positions: np.ndarray) -> float:
    """Sum over pairs of Z_i Z_j / r_ij, Eh; numbers (n_atoms,), positions (n_atoms, 3) in Angstrom."""
    i, j = np.triu_indices(len(numbers), k=1)
    distances = np.linalg.norm(positions[i] - positions[j], axis=1) / BOHR_IN_ANGSTROM
    return float((numbers[i] * numbers[j] / distances).sum())


def _rotation_difference(structure: Structure) -> str | None:
    """A sentence if the smaller two rotational constants of the record are not those of the GFN2-xTB calculation."""
    stated = structure.numbers("GFN2:ROT_CONSTANTS", 3)[1:]
    found = rotational_constants(structure.molecule.numbers, structure.molecule.positions[0])[1:]
    if np.allclose(found, stated, rtol=ROTATION_TOLERANCE, atol=0.0):
        return None
    mine, theirs = (" and ".join(f"{value:.6f}" for value in values) for values in (found, stated))
    return f"its rotational constants B and C are {mine} cm-1, those of the GFN2-xTB calculation {theirs} cm-1"


def rotational_constants(numbers: np.ndarray, positions: np.ndarray) -> np.ndarray:
    """A, B, C (3,) in cm^-1, with the elements' standard atomic weights; A is infinite for a linear molecule."""
    masses = of_atoms(ATOMIC_WEIGHTS, numbers)
    centred = positions - masses @ positions / masses.sum()
    inertia = np.eye(3) * (masses @ (centred**2).sum(1)) - (masses[:, None] * centred).T @ centred
    moments = np.maximum(np.linalg.eigvalsh(inertia), 0.0)
    with np.errstate(divide="ignore"):
        return np.asarray(_ROTATION_UNIT / moments)
