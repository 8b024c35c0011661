"""A release in the form of QMugs, made from small molecules: its header, tags and tar layout, and energies that fit.

GFN2 values are computed. DFT values are made up so that every identity of the release holds: atoms from the table,
nuclear repulsion and dispersion from the geometry, the rest shared out.
"""

from __future__ import annotations

import csv
import io
import tarfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

import numpy as np
from rdkit import Chem

from virialff.conformers import generation
from virialff.engines.chai_head_gordon import dispersion
from virialff.engines.dft import QMUGS_ATOMIC_ENERGIES
from virialff.engines.xtb import Gfn2Engine, single_point
from virialff.labels.imports.qmugs.rows import nuclear_repulsion, rotational_constants
from virialff.labels.imports.qmugs.structures import TAGS
from virialff.labels.imports.qmugs.summary import COLUMNS
from virialff.molecules.molecule import Molecule
from virialff.units import BOHR_IN_ANGSTROM, E_ANGSTROM_IN_DEBYE, HARTREE_IN_KCAL_MOL

#: ChEMBL number, SMILES, conformers: all nine elements, with stereochemistry.
MOLECULES = ((12, "OCCO", 2), (7, "C[C@H](F)Cl", 1), (345678, "CSC", 1), (31, "CPC", 1), (32, "BrC#N", 1))


@dataclass
class Record:
    """One conformer: its name, geometry and values by column of the summary and by tag of the record."""

    chembl: str
    conf: str
    molecule: Molecule
    row: dict[str, str]
    tags: dict[str, str]
    block: str = field(init=False)

    def __post_init__(self) -> None:
        mol = self.molecule.to_rdkit()
        mol.SetProp("_Name", self.chembl)
        self.block = Chem.MolToMolBlock(mol)

    @property
    def path(self) -> str:
        return f"structures/{self.chembl}/{self.conf}.sdf"

    def sdf(self) -> bytes:
        """The file of the archive."""
        tags = "".join(f">  <{tag}>\n{value}\n\n" for tag, value in self.tags.items())
        return f"{self.block}{tags}$$$$\n".encode()


def records(molecules: Sequence[tuple[int, str, int]] = MOLECULES) -> list[Record]:
    """New records of the molecules, to be changed at will."""
    made = [_computed(*molecule) for molecule in molecules]
    return [Record(r.chembl, r.conf, r.molecule, dict(r.row), dict(r.tags)) for conformers in made for r in conformers]


@cache
def _computed(chembl: int, smiles: str, n_conformers: int) -> list[Record]:
    molecule = generation.generate(Molecule.from_smiles(smiles), n_conformers, energy_window=None)
    assert molecule.n_conformers == n_conformers
    return [_record(chembl, smiles, index, molecule) for index in range(n_conformers)]


def _record(chembl: int, smiles: str, index: int, molecule: Molecule) -> Record:
    # As it stands in the file, four decimals.
    geometry = np.round(molecule.positions[index], 4)
    numbers = molecule.numbers
    gfn2 = single_point(numbers, geometry)
    gfn2_total = gfn2.energy / HARTREE_IN_KCAL_MOL
    gfn2_atoms = float(Gfn2Engine().atomic_energies(numbers).sum()) / HARTREE_IN_KCAL_MOL
    atoms = sum(QMUGS_ATOMIC_ENERGIES[int(number)] for number in numbers)
    formation = 1.1 * (gfn2_total - gfn2_atoms)
    repulsion = nuclear_repulsion(numbers, geometry)
    electronic = atoms + formation - repulsion - dispersion(numbers, geometry / BOHR_IN_ANGSTROM)[0]
    parts = {
        "XC_ENERGY": 0.1 * atoms,
        "NUCLEAR_REPULSION_ENERGY": repulsion,
        "ONE_ELECTRON_ENERGY": 3.0 * atoms,
        "TWO_ELECTRON_ENERGY": electronic - 3.1 * atoms,
    }
    dipole = gfn2.dipole * E_ANGSTROM_IN_DEBYE
    levels = {
        "GFN2": {"TOTAL_ENERGY": gfn2_total, "ATOMIC_ENERGY": gfn2_atoms, "FORMATION_ENERGY": gfn2_total - gfn2_atoms},
        "DFT": {"TOTAL_ENERGY": atoms + formation, "ATOMIC_ENERGY": atoms, "FORMATION_ENERGY": formation} | parts,
    }
    rotation = rotational_constants(numbers, geometry)
    rotation[~np.isfinite(rotation)] = 0.0
    names = {"chembl_id": f"CHEMBL{chembl}", "conf_id": f"conf_{index:02d}"}
    row = dict.fromkeys(COLUMNS, "0.0") | names
    mol = molecule.to_rdkit()
    row |= {"smiles": Chem.MolToSmiles(mol), "atoms": str(molecule.n_atoms)}
    row |= {"significant_negative_wavenumbers": "False", "nonunique_smiles": "False"}
    tags = dict.fromkeys(TAGS, "0.0") | {"CHEMBL_ID": names["chembl_id"], "CONF_ID": names["conf_id"]}
    for level, energies in levels.items():
        moment = [*(dipole if level == "GFN2" else 0.9 * dipole), 0.0]
        moment[3] = float(np.linalg.norm(moment[:3]))
        vectors: dict[str, Sequence[float] | np.ndarray] = {"DIPOLE": moment, "ROT_CONSTANTS": rotation}
        charges = gfn2.charges if level == "GFN2" else 0.8 * gfn2.charges
        tags |= {f"{level}:{name}": repr(float(value)) for name, value in energies.items()}
        tags |= {f"{level}:{name}": _joined(values) for name, values in vectors.items()}
        tags[f"{level}:MULLIKEN_CHARGES"] = _joined(charges)
        row |= {f"{level}_{name}": repr(float(value)) for name, value in energies.items()}
        row |= {
            f"{level}_DIPOLE_{axis}": repr(float(v)) for axis, v in zip(("X", "Y", "Z", "TOT"), moment, strict=True)
        }
        row |= {f"{level}_ROT_CONSTANT_{axis}": repr(float(v)) for axis, v in zip("ABC", rotation, strict=True)}
    tags["DFT:LOWDIN_CHARGES"] = _joined(0.5 * gfn2.charges)
    return Record(names["chembl_id"], names["conf_id"], molecule.with_positions(geometry), row, tags)


def _joined(values: Sequence[float] | np.ndarray) -> str:
    return "|".join(repr(float(value)) for value in values)


def write_summary(folder: Path, made: Sequence[Record]) -> Path:
    """`summary.csv` with a row for each record."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / "summary.csv"
    with open(path, "w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, COLUMNS)
        writer.writeheader()
        writer.writerows(record.row for record in made)
    return path


def write_structures(folder: Path, made: Sequence[Record], edit: Callable[[str], str] = str) -> Path:
    """`structures.tar.gz` with a file for each record, under folders as published."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / "structures.tar.gz"
    with tarfile.open(path, "w:gz") as archive:
        seen: set[str] = set()
        for record in made:
            for name in ("structures", f"structures/{record.chembl}"):
                if name not in seen:
                    info = tarfile.TarInfo(name)
                    info.type = tarfile.DIRTYPE
                    archive.addfile(info)
                    seen.add(name)
            content = record.sdf()
            info = tarfile.TarInfo(edit(record.path))
            info.size = len(content)
            archive.addfile(info, io.BytesIO(content))
    return path


def write_release(folder: Path, made: Sequence[Record] | None = None) -> Path:
    """Both files of one set of records; returns the folder."""
    made = records() if made is None else made
    write_summary(folder, made)
    write_structures(folder, made)
    return folder
