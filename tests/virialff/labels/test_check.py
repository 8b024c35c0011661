"""A check finds each kind of damage, names file and row, and leaves sound rows alone."""

from __future__ import annotations

import dataclasses
import re

import numpy as np
import pyarrow as pa
import pytest

from tests.virialff.labels.sample_labels import ETHENE_POSITIONS
from virialff.engines.xtb import energy_and_forces
from virialff.errors import StoreDamagedError, StoreError
from virialff.labels.check import check, row_problems
from virialff.labels.schema import ARROW_SCHEMA, Label, from_table, to_table
from virialff.labels.store import LabelStore, write_parquet
from virialff.labels.structure import structure_fields
from virialff.molecules.molecule import Molecule
from virialff.units import HARTREE_IN_KCAL_MOL

# Ethene at wB97X-D/def2-SVP, total and kinetic energy in Eh, near its minimum.
ENERGY, KINETIC = -78.52, 77.53


@pytest.fixture(scope="module")
def ethene() -> Label:
    """A row of GFN2-xTB, computed."""
    molecule = Molecule.from_arrays(
        np.array([6, 6, 1, 1, 1, 1]),
        np.array([[0, 1], [0, 2], [0, 3], [1, 4], [1, 5]]),
        np.array([2.0, 1.0, 1.0, 1.0, 1.0]),
    )
    positions = ETHENE_POSITIONS + np.random.default_rng(0).normal(scale=0.03, size=(6, 3))
    energy, forces = energy_and_forces(molecule.numbers, positions)
    return Label(
        identifier="ethene/0",
        task="ethene",
        **structure_fields(molecule),
        source="test",
        positions=positions,
        kind="displaced",
        detail="displaced",
        level_of_theory="GFN2-xTB",
        program="xtb",
        settings="{}",
        energy=energy,
        forces=forces,
        seconds=0.1,
    )


@pytest.fixture(scope="module")
def dft(ethene) -> Label:
    """The same molecule with the columns of a density functional, made up within its sum rules."""
    kinetic = HARTREE_IN_KCAL_MOL * KINETIC
    return dataclasses.replace(
        ethene,
        level_of_theory="wB97X-D/def2-SVP",
        energy=HARTREE_IN_KCAL_MOL * ENERGY,
        forces=None,
        kinetic_atoms=np.full(6, kinetic / 6 + 10.0),
        kinetic_bonds=np.full(5, -10.0),
        kinetic_nonbonded=-10.0,
        dipole=np.zeros(3),
        charges=np.array([-0.2, -0.2, 0.1, 0.1, 0.1, 0.1]),
        charge_scheme="mulliken",
    )


def test_sound_rows_have_no_problem(ethene, dft, tmp_path):
    failed = dataclasses.replace(ethene, identifier="ethene/1", energy=None, forces=None, failure="no convergence")
    with LabelStore(tmp_path).writer("a") as writer:
        writer.append([ethene, failed])
        writer.finish()
    with LabelStore(tmp_path).writer("b") as writer:
        writer.append([dataclasses.replace(dft, task="dft", identifier="dft/0")])
        result = check(tmp_path)
    assert (result.files, result.rows, result.problems) == (2, 3, ())


WRONG = {
    "energy in Hartree": (lambda row: {"energy": row.energy / HARTREE_IN_KCAL_MOL}, "an atom from that of its atoms"),
    "forces in atomic units": (lambda row: {"forces": row.forces / 1186.0}, "is displaced and has no force above"),
    "forces of another molecule": (lambda row: {"forces": row.forces + 5.0}, "forces that add up to 30.0"),
    "enormous forces": (lambda row: {"forces": row.forces * 1e4}, "has a force of"),
    "positions in Bohr": (lambda row: {"positions": row.positions / 0.529177}, r"atom 1 \(C\) and .* broke"),
    "positions in nm": (lambda row: {"positions": row.positions / 10.0}, r"atom 1 \(C\) and .* formed"),
    "atoms in another order": (lambda row: {"positions": row.positions[::-1].copy()}, "not of its molecule"),
    "another element": (lambda row: {"numbers": np.array([6, 7, 1, 1, 1, 1])}, "has N as atom 2, and its SMILES C"),
    "a bond less": (
        lambda row: {"bonds": row.bonds[:-1], "orders": row.orders[:-1]},
        "another bond between atoms 2 and 6 than its SMILES",
    ),
    "a wrong bond order": (lambda row: {"orders": row.orders + 0.25}, "a bond of order 2.25"),
    "a SMILES without maps": (lambda row: {"smiles": "C=C"}, "atom maps in its SMILES that are not 1 to 6"),
    "no SMILES": (lambda row: {"smiles": "C=C(("}, "a SMILES that cannot be read"),
    "wrong fragments": (lambda row: {"fragments": np.array([0, 0, 0, 0, 0, 1])}, "fragments that are not those of its"),
    "two keys": (lambda row: {"inchikeys": row.inchikeys * 2}, "has 2 InChIKeys for 1 fragment"),
    "a formula for a key": (lambda row: {"inchikeys": ("C2H4",)}, "'C2H4' in the place of an InChIKey"),
    "a complex of one": (lambda row: {"kind": "complex"}, "a complex of one fragment"),
    "a foreign element": (lambda row: {"numbers": np.array([6, 6, 1, 1, 1, 3])}, "atomic number 3"),
    "not a number": (lambda row: {"energy": float("nan")}, "has energy that are not finite"),
    "another row": (lambda row: {"identifier": "ethene/2"}, "number 0 of its task 'ethene'; a row is lost"),
}


@pytest.mark.parametrize(("change", "words"), WRONG.values(), ids=WRONG)
def test_each_fault_of_a_row_is_found(ethene, tmp_path, change, words):
    wrong = dataclasses.replace(ethene, **change(ethene))
    write_parquet(tmp_path / "a.parquet", [_unchecked(wrong)])
    result = check(tmp_path)
    sentences = [str(problem) for problem in result.problems]
    assert result.rows == 1
    assert all(str(tmp_path / "a.parquet, row 1 (ethene/") in sentence for sentence in sentences)
    assert any(re.search(words, sentence) for sentence in sentences), sentences


def test_monomer_of_a_complex_may_lie_next_to_its_minimum(ethene, tmp_path):
    still = dataclasses.replace(ethene, detail="monomer_1_in_complex", forces=ethene.forces / 1186.0)
    with LabelStore(tmp_path).writer("a") as writer:
        writer.append([still])
        writer.finish()
    assert check(tmp_path).problems == ()


def _unchecked(label: Label) -> pa.Table:
    """A table with a label that `to_table` would refuse."""
    if label.energy == label.energy:
        return to_table([label])
    table = to_table([dataclasses.replace(label, energy=0.0)])
    index = ARROW_SCHEMA.get_field_index("energy_kcal_mol")
    return table.set_column(index, ARROW_SCHEMA.field(index), pa.array([float("nan")]))


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"kinetic_nonbonded": None}, "some of the kinetic-energy terms and not all"),
        ({"kinetic_atoms": np.full(6, KINETIC / 6)}, "kinetic-energy terms that add up to"),
        ({"charges": np.full(6, 0.1)}, r"charges that add up to \+0.600 e"),
        ({"charges": np.array([9.0, -9.0, 0, 0, 0, 0])}, "a charge of 9.0 e"),
        ({"charge_scheme": None}, "charges without the name of their scheme"),
        ({"dipole": np.array([0.0, 0.0, 50.0])}, "a dipole moment of 50.0 e Angstrom"),
    ],
    ids=["terms missing", "terms in Hartree", "net charge", "large charge", "no scheme", "dipole"],
)
def test_each_fault_of_a_density_is_found(dft, changes, words):
    assert list(row_problems(dft)) == []
    (problem,) = row_problems(dataclasses.replace(dft, **changes))
    assert re.search(words, problem)


@pytest.mark.parametrize(
    ("kind", "detail", "longest"),
    [
        ("minimum", "minimum_gfn2", 2.20),
        ("complex", "relaxed", 2.20),
        ("displaced", "displaced", 2.20),
        ("complex", "contact", 2.20),
        ("displaced", "distorted", 2.20),
        ("scan", "torsion", 2.20),
        ("complex", "scan", 2.20),
    ],
)
def test_a_bond_is_broken_beyond_one_tolerance_in_all_kinds(ethene, kind, detail, longest):
    for length, words in ((longest, []), (longest + 0.02, ["bond between atom 1 (C) and atom 2 (C) broke"])):
        positions = ETHENE_POSITIONS.copy()
        positions[[0, 2, 3], 0] += length - 1.33
        row = dataclasses.replace(ethene, positions=positions, kind=kind, detail=detail, failure=None)
        found = [what for what in row_problems(row) if "not of its molecule" in what]
        assert len(found) == len(words)
        assert all(word in what for word, what in zip(words, found, strict=True))


def test_a_row_twice_is_found_across_files(ethene, tmp_path):
    for name in ("a", "b"):
        write_parquet(tmp_path / f"{name}.parquet", [to_table([ethene])])
    (problem,) = check(tmp_path).problems
    assert str(problem) == (f"{tmp_path}/b.parquet, row 1 (ethene/0): it has an identifier that was there before")


def test_a_lost_row_is_found(ethene, tmp_path):
    rows = [dataclasses.replace(ethene, identifier=f"ethene/{n}") for n in range(4)]
    write_parquet(tmp_path / "a.parquet", [to_table([*rows[:1], *rows[2:]])])
    first, second = check(tmp_path).problems
    assert (first.row, second.row) == (2, 3)
    assert "a row is lost or added" in first.what


def test_a_damaged_file_is_one_problem_and_the_others_are_checked(ethene, tmp_path):
    write_parquet(tmp_path / "a.parquet", [to_table([ethene])])
    write_parquet(tmp_path / "b.parquet", [to_table([dataclasses.replace(ethene, task="b", identifier="b/0")])])
    content = bytearray((tmp_path / "a.parquet").read_bytes())
    content[200] ^= 0xFF
    (tmp_path / "a.parquet").write_bytes(content)
    result = check(tmp_path)
    assert (result.files, result.rows) == (2, 1)
    assert f"The label file {tmp_path}/a.parquet is damaged" in str(result.problems[0])


def test_lists_of_impossible_length_are_found(ethene, tmp_path):
    table = to_table([ethene, dataclasses.replace(ethene, identifier="ethene/1")])
    index = ARROW_SCHEMA.get_field_index("positions_angstrom")
    torn = pa.array([ethene.positions.ravel().tolist(), [1.0, 2.0]], ARROW_SCHEMA.field(index).type)
    write_parquet(tmp_path / "a.parquet", [table.set_column(index, ARROW_SCHEMA.field(index), torn)])
    (problem,) = check(tmp_path).problems
    assert (problem.row, problem.identifier) == (2, "ethene/1")
    assert "impossible lengths" in problem.what
    with pytest.raises(StoreDamagedError, match=r"'ethene/1' cannot be decoded.*positions_angstrom"):
        list(from_table(next(LabelStore(tmp_path).tables())))


def test_nothing_there_is_an_error(tmp_path):
    with pytest.raises(StoreError, match="no label store"):
        check(tmp_path / "nowhere")
