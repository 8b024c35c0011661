"""The paper's table with our columns, and the vertical energies apart from it."""

import pytest

from virialff.benchmarks.noncovalent import PAPER_BINDING_ENERGIES, paper_table, vertical_table
from virialff.benchmarks.psi4_databases import PAIRS, read_database
from virialff.engines import get_engine
from virialff.interactions.complexes import ComplexInteractions, MethodInteraction, complex_interactions
from virialff.interactions.energies import interaction_energy, relax_complex, relaxed_interaction_energy
from virialff.molecules.molecule import Molecule


def found(vertical: float, relaxed: float) -> ComplexInteractions:
    return ComplexInteractions(
        (MethodInteraction("model", "level", vertical),), (MethodInteraction("model", "level", relaxed),), "GFN2-xTB"
    )


def test_our_column_stands_beside_the_paper_and_only_the_relaxed_one():
    table = paper_table({"G-C": found(-29.0, -28.0)}).set_index("pair")
    assert table.loc["G-C", "ours: model (kcal/mol)"] == -28.0
    assert table["ours: model (kcal/mol)"].isna()["A-T"]
    assert table["paper: reference (kcal/mol)"].tolist() == [-12.4, -25.4]
    assert table["paper: ANI (kcal/mol)"].tolist() == [-10.7, -17.2]


def test_vertical_energies_stand_beside_coupled_cluster():
    table = vertical_table({"A-T": found(-15.5, -15.0)}).set_index("pair")
    assert table.loc["A-T", "model (kcal/mol)"] == -15.5
    assert table["JSCH: CCSD(T)/CBS (kcal/mol)"].to_dict() == {"A-T": -16.86, "G-C": -32.06}


def test_without_anything_computed_the_references_stay():
    assert len(paper_table({})) == len(vertical_table({})) == 2
    assert not any("ours" in name for name in paper_table({}).columns)


@pytest.mark.usefixtures("psi4_data")
def test_gfn2_base_pairs_are_the_papers():
    """The paper's table: binding energies of 16.1 and 29.2 kcal/mol with GFN2-xTB at its own minima."""
    gfn2 = get_engine("gfn2")
    pairs = {}
    for pair, ((database, index), *_) in PAIRS.items():
        entry = next(item for item in read_database(database) if item.index == index)
        pairs[pair] = complex_interactions(Molecule.from_rdkit(entry.to_rdkit()), {"GFN2-xTB": gfn2}, gfn2)
        assert pairs[pair].changes == ()
        assert pairs[pair].geometry_level == "GFN2-xTB"
    table = paper_table(pairs)
    assert table["pair"].tolist() == ["A-T", "G-C"]
    binding = PAPER_BINDING_ENERGIES["GFN2-xTB"].to_numpy()
    assert table["ours: GFN2-xTB (kcal/mol)"].to_numpy() == pytest.approx(-binding, abs=0.2)


@pytest.mark.usefixtures("psi4_data")
def test_relaxing_the_monomers_weakens_the_interaction():
    gfn2 = get_engine("gfn2")
    relaxed = relax_complex(Molecule.from_rdkit(read_database("S66")[16].to_rdkit()), gfn2)
    vertical = interaction_energy(relaxed.molecule, gfn2)[0]
    assert relaxed_interaction_energy(relaxed, gfn2) > vertical + 0.5
