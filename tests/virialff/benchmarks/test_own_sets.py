"""Our own test sets: what is read, how it is classed, and figures of methods whose errors are known."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from rdkit import Chem
from scipy.spatial.transform import Rotation

from virialff.benchmarks import own_sets
from virialff.benchmarks.own_sets import (
    DFT,
    GFN2,
    Group,
    bond_class,
    contact_class,
    heavy_rmsd,
    measure_sets,
)
from virialff.benchmarks.statistics import interval_over_groups
from virialff.conformers.generation import generate
from virialff.conformers.scans import scan
from virialff.labels.schema import Label, to_table
from virialff.labels.splits import split_of
from virialff.labels.store import write_parquet
from virialff.labels.structure import structure_fields
from virialff.molecules.molecule import Molecule

RULE = {"split": {"seed": 2026, "fractions": [0.88, 0.04, 0.08]}}
#: Of the test part of this split, and of its training part.
HELD_OUT, TRAINED = "C=CSSC", "CCSSCC"


class Known:
    """A model whose energies are those of the store plus an error a geometry."""

    name, level_of_theory, level, card = "known", DFT, DFT, RULE

    def __init__(self, rows: list[Label], errors: np.ndarray) -> None:
        self._energies = {
            np.asarray(row.positions).tobytes(): float(row.energy or 0.0) + error
            for row, error in zip(rows, errors, strict=True)
        }

    def available(self) -> None:
        return None

    def unsupported(self, molecule: Molecule) -> None:
        return None

    def energy(self, molecule: Molecule, positions: Any, *, progress: Any = None) -> np.ndarray:
        return np.array([self._energies[np.asarray(one).tobytes()] for one in positions])


def rows_of(smiles: str, energies: list[float], kind: str, detail: str, task: str) -> list[Label]:
    molecule = generate(Molecule.from_smiles(smiles), 1)
    sulfur = np.flatnonzero(molecule.numbers == 16)
    mol = molecule.to_rdkit()
    ends = [
        next(n.GetIdx() for n in mol.GetAtomWithIdx(int(a)).GetNeighbors() if n.GetIdx() != b)
        for a, b in (sulfur, sulfur[::-1])
    ]
    atoms = (ends[0], int(sulfur[0]), int(sulfur[1]), ends[1])
    turned = scan(molecule, atoms, np.linspace(60, 180, len(energies))).molecule
    name = f"{task}/{molecule.inchikey}-{sulfur[0]}-{sulfur[1]}"
    facts: dict[str, Any] = {"level_of_theory": DFT, "program": "test", "settings": "{}", "seconds": 0.0}
    return [
        Label(
            identifier=f"{name}/{n}",
            task=name,
            source="test",
            positions=p,
            kind=kind,
            detail=detail,
            energy=energy,
            **structure_fields(molecule),
            **facts,
        )
        for n, (p, energy) in enumerate(zip(turned.positions, energies, strict=True))
    ]


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(own_sets, "DATA", tmp_path)
    monkeypatch.setattr(own_sets, "EVALUATION", tmp_path)
    monkeypatch.setattr(own_sets, "_monomers", frozenset)
    monkeypatch.setattr(own_sets, "_peers", lambda level: {})
    return tmp_path


def test_torsions_count_scans_of_the_test_part_alone(folder: Path) -> None:
    assert split_of(Molecule.from_smiles(HELD_OUT).inchikey, seed=2026, fractions=(0.88, 0.04, 0.08)) == "test"
    held_out = rows_of(HELD_OUT, [3.0, 0.0, 4.0, 6.0], "scan", "torsion_relaxed", "dft_torsion")
    trained = rows_of(TRAINED, [3.0, 0.0, 4.0, 6.0], "scan", "torsion_relaxed", "dft_torsion")
    write_parquet(folder / "torsions.parquet", [to_table(held_out + trained)])
    # Shifted by 100, and the highest point 2 too high: that is all the error.
    model = Known(held_out, np.array([100.0, 100.0, 100.0, 102.0]))
    rows = measure_sets({"known": model}, ("torsions",)).rows  # type: ignore[dict-item]
    found = {(row["quantity"].partition(",")[0], row["sizes"]): row for row in rows}
    assert set(found) == {(q, s) for q in ("profile", "barrier") for s in ("all", "disulfide")}
    assert {row["n_values"] for row in rows} == {1}
    assert found["profile", "all"]["value"] == pytest.approx(1.0)  # sqrt(4 / 4)
    assert found["barrier", "disulfide"]["value"] == pytest.approx(2.0)


def test_conformers_are_ranked_and_their_lowest_is_held_against_the_true_one(folder: Path) -> None:
    rows = rows_of(HELD_OUT, [0.0, 1.0, 2.0, 3.0], "minimum", "minimum_gfn2", "dft_molecule")
    write_parquet(folder / "conformers.parquet", [to_table(rows)])
    # The order is turned round.
    model = Known(rows, np.array([3.0, 1.0, -1.0, -3.0]))
    found = {row["quantity"]: row for row in measure_sets({"known": model}, ("conformers",)).rows}  # type: ignore[dict-item]
    rank, chosen = (next(row for name, row in found.items() if word in name) for word in ("Spearman", "chosen"))
    assert rank["value"] == pytest.approx(-1.0)
    assert chosen["value"] == pytest.approx(3.0)
    assert rank["set"] == f"conformers, {DFT}"


@pytest.mark.parametrize(
    ("smiles", "bond", "name"),
    [
        ("NC=O", (0, 1), "amide"),
        ("CNC(N)=O", (1, 2), "urea"),
        ("CNC(=O)OC", (1, 2), "carbamate"),
        ("COC(=O)C", (1, 2), "ester"),
        ("CC(=O)O", (1, 3), "acid"),
        ("NC=S", (0, 1), "thioamide"),
        ("C=CC=O", (1, 2), "enone"),
        ("C=CC=C", (1, 2), "diene"),
        ("CSSC", (1, 2), "disulfide"),
        ("COO", (1, 2), "peroxide"),
        ("Nc1ccccc1", (0, 1), "aniline"),
        ("COc1ccccc1", (1, 2), "aryl ether, phenol"),
        ("c1ccc(-c2ccccc2)cc1", (3, 4), "biaryl"),
        ("CS(N)(=O)=O", (1, 2), "sulfonamide, sulfonate"),
        ("CCS(C)=O", (1, 2), "sulfoxide, sulfone"),
        ("CC=NO", (2, 3), "oxime, hydrazone"),
        ("CC(=O)NN", (3, 4), "hydrazide, hydrazine, hydroxylamine"),
        ("COP(C)(C)=O", (1, 2), "phosphorus"),
        ("COCOC", (1, 2), "acetal"),
        ("FCCF", (1, 2), "vicinal halide, alcohol, amine"),
        ("CCCC", (1, 2), "saturated carbons"),
        ("C=C", (0, 1), "double bond"),
    ],
)
def test_the_class_of_a_bond(smiles: str, bond: tuple[int, int], name: str) -> None:
    assert Chem.MolFromSmiles(smiles).GetBondBetweenAtoms(*bond) is not None
    molecule = Molecule.from_smiles(smiles)
    task = f"torsion/{molecule.inchikey}-{bond[0]}-{bond[1]}"
    assert bond_class(Group(task, (), molecule, {}, (), ())) == name


@pytest.mark.parametrize(
    ("smiles", "family", "name"),
    [
        ("O.O", "hydrogen_bond", "hydrogen bonds"),
        ("O.CSC", "hydrogen_bond", "hydrogen bonds with P, S, halogens"),
        ("BrC.N", "halogen_bond", "halogen bonds"),
        ("C.C", "contact", "dispersion"),
    ],
)
def test_the_class_of_a_contact(smiles: str, family: str, name: str) -> None:
    pair = Molecule.join(*(Molecule.from_smiles(part) for part in smiles.split(".")))
    assert contact_class(Group(f"complex/A.B.{family}", (), pair, {GFN2: np.zeros(0)}, (), ())) == name


def test_heavy_atoms_are_superimposed_before_they_are_compared() -> None:
    molecule = generate(Molecule.from_smiles("CCO"), 1)
    start = molecule.positions[0]
    turned = start @ Rotation.from_euler("xyz", [0.3, 1.2, -0.7]).as_matrix().T + 5.0
    assert heavy_rmsd(molecule, start, turned) == pytest.approx(0.0, abs=1e-6)
    mirrored = turned * np.array([1.0, 1.0, -1.0])
    assert heavy_rmsd(molecule, start, mirrored) == pytest.approx(0.0, abs=1e-6), "three atoms lie in a plane"
    moved = turned.copy()
    moved[0] += 3.0
    assert heavy_rmsd(molecule, start, moved) > 0.3


def test_intervals_of_means_and_medians_over_molecules() -> None:
    found = interval_over_groups([1.0, 2.0, 3.0, 4.0, 100.0], np.median)
    assert found.estimate == 3.0
    assert 1.0 <= found.low <= 3.0 <= found.high <= 100.0
    assert interval_over_groups([2.0, 2.0], np.mean).high == 2.0
    with pytest.raises(ValueError, match="filled"):
        interval_over_groups([], np.mean)


def test_the_shipped_scans_at_dft_are_of_the_test_part_and_have_gfn2_beside() -> None:
    scans = list(own_sets._groups(own_sets.EVALUATION / "torsions.parquet", lambda key: True))
    assert len(scans) >= 10
    for found in scans:
        assert split_of(found.key[0], seed=2026, fractions=(0.88, 0.04, 0.08)) == "test"
        assert set(found.energies) == {DFT, GFN2}
        assert all(np.isfinite(values).all() for values in found.energies.values())
        assert bond_class(found) != "other bonds"
