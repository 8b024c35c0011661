from dataclasses import replace

import numpy as np
import pytest

from virialff.benchmarks.psi4_databases import read_database
from virialff.benchmarks.reference_data import load_references
from virialff.conformers.generation import generate
from virialff.engines.xtb import single_point
from virialff.errors import EvaluationSetError
from virialff.labels.schema import Label
from virialff.labels.store import LabelStore
from virialff.labels.structure import structure_fields
from virialff.molecules.molecule import Molecule

LEVELS = ("GFN2-xTB", "shifted")


def row(task, number, molecule, positions, kind, detail, level, **results):
    energy = single_point(molecule.numbers, positions).energy + (5.0 if level == "shifted" else 0.0)
    return Label(
        identifier=f"{task}/{number}",
        task=task,
        source="S66",
        **structure_fields(molecule),
        positions=positions,
        kind=kind,
        detail=detail,
        level_of_theory=level,
        program="test",
        settings="{}",
        energy=energy,
        seconds=1.0,
        **results,
    )


@pytest.fixture
def dimer():
    return Molecule.from_rdkit(read_database("S66")[0].to_rdkit())


def write(folder, *tasks):
    for number, rows in enumerate(tasks):
        with LabelStore(folder).writer(f"part_{number}") as writer:
            writer.append(rows)
            writer.finish()
    return folder


def relaxed_rows(dimer, levels=LEVELS):
    task = "dimer/S66-1-relaxed"
    rows: list[Label] = []

    def add(*arguments, **results):
        rows.append(row(task, len(rows), *arguments, **results))

    for level in levels:
        add(dimer, dimer.positions[0], "complex", "relaxed", level, interaction_energy=-5.0)
    for index in range(2):
        monomer = dimer.fragment(index)
        stretched = monomer.positions[0] * 1.02
        for level in levels:
            add(monomer, stretched, "displaced", f"monomer_{index + 1}_in_complex", level)
            add(monomer, monomer.positions[0], "minimum", f"monomer_{index + 1}_relaxed", level)
    return rows


def test_the_relaxed_energy_is_the_vertical_one_plus_the_deformation(tmp_path, dimer):
    (reference,) = load_references(write(tmp_path / "store", relaxed_rows(dimer))).dimers
    assert (reference.database, reference.index, reference.geometry) == ("S66", 1, "relaxed")
    deformation = sum(
        single_point(m.numbers, m.positions[0] * 1.02).energy - single_point(m.numbers, m.positions[0]).energy
        for m in (dimer.fragment(0), dimer.fragment(1))
    )
    assert deformation != 0
    for level in LEVELS:
        assert reference.interaction_energies[level] == pytest.approx(-5.0 + deformation)
    assert [monomer.n_atoms for monomer in reference.monomers] == [3, 3]
    np.testing.assert_allclose(reference.molecule.positions, dimer.positions)


def test_a_level_that_failed_somewhere_is_left_out_there(tmp_path, dimer):
    rows = relaxed_rows(dimer)
    last = rows[-1]
    rows[-1] = replace(last, energy=None, failure="it did not converge")
    references = load_references(write(tmp_path / "store", rows))
    assert set(references.dimers[0].interaction_energies) == {"GFN2-xTB"}
    assert references.failures == ((last.identifier, "shifted", "it did not converge"),)


def test_conformers_keep_their_order_at_every_level(tmp_path):
    methanol = generate(Molecule.from_smiles("CO"), n_conformers=1, seed=1)
    geometries = [methanol.positions[0] * scale for scale in (1.02, 0.99, 1.0)]
    task = "conformers/OKKJLVBELUTLKV"
    rows: list[Label] = []
    for positions in geometries:
        for level in LEVELS:
            rows.append(row(task, len(rows), methanol, positions, "minimum", "minimum_gfn2", level))
    (reference,) = load_references(write(tmp_path / "store", rows)).conformers
    assert reference.molecule.n_conformers == 3
    np.testing.assert_allclose(reference.molecule.positions, geometries)
    np.testing.assert_allclose(reference.energies["shifted"] - reference.energies["GFN2-xTB"], 5.0)


def test_rows_of_another_campaign_are_refused(tmp_path, dimer):
    rows = [row("complex/A.B.contact", 0, dimer, dimer.positions[0], "complex", "contact", "GFN2-xTB")]
    with pytest.raises(EvaluationSetError, match="no reference energy"):
        load_references(write(tmp_path / "store", rows))
