"""The paper's table with our columns, and the vertical energies apart from it."""

from virialff.benchmarks.base_pairs import paper_table, vertical_table
from virialff.interactions.complexes import ComplexInteractions, MethodInteraction


def found(vertical: float, relaxed: float) -> ComplexInteractions:
    return ComplexInteractions(
        (MethodInteraction("model", "level", vertical),), (MethodInteraction("model", "level", relaxed),), "GFN2-xTB"
    )


def test_our_column_stands_beside_the_paper_and_only_the_relaxed_one():
    table = paper_table({"G-C": found(29.0, 28.0)}).set_index("pair")
    assert table.loc["G-C", "ours: model (kcal/mol)"] == 28.0
    assert table["ours: model (kcal/mol)"].isna()["A-T"]
    assert table["paper: reference (kcal/mol)"].tolist() == [12.4, 25.4]
    assert table["paper: ANI (kcal/mol)"].tolist() == [10.7, 17.2]


def test_vertical_energies_stand_beside_coupled_cluster():
    table = vertical_table({"A-T": found(15.5, 15.0)}).set_index("pair")
    assert table.loc["A-T", "model (kcal/mol)"] == 15.5
    assert table["JSCH: CCSD(T)/CBS (kcal/mol)"].to_dict() == {"A-T": 16.86, "G-C": 32.06}


def test_without_anything_computed_the_references_stay():
    assert len(paper_table({})) == len(vertical_table({})) == 2
    assert not any("ours" in name for name in paper_table({}).columns)
