"""Methods side by side: tables, agreement against SciPy, and reasons of what is left out."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from virialff.conformers.generation import generate
from virialff.engines.ani import AniEngine
from virialff.engines.ani_weights import ani1x_from_wheel
from virialff.engines.xtb import Gfn2Engine
from virialff.errors import MissingCoordinatesError
from virialff.methods.comparison import agreement, compare_methods
from virialff.methods.tables import atomization_table, ensemble_table
from virialff.models.registry import load_model
from virialff.molecules.molecule import Molecule

GFN2 = Gfn2Engine()


@pytest.fixture(scope="module")
def ani() -> AniEngine:
    return AniEngine(ani1x_from_wheel())


@pytest.fixture(scope="module")
def butanol() -> Molecule:
    return generate(Molecule.from_smiles("CCCCO"), 6)


def test_every_method_is_relative_to_its_own_lowest_conformer(butanol: Molecule, ani: AniEngine) -> None:
    calls: list[tuple[str, int, int]] = []
    result = compare_methods(butanol, {"gfn2": GFN2, "ani": ani}, progress=lambda *call: calls.append(call))
    n = butanol.n_conformers
    assert result.left_out == {}
    table = ensemble_table(result)
    assert table["conformer"].tolist() == list(range(1, n + 1))
    energies = GFN2.energy(butanol, butanol.positions)
    np.testing.assert_allclose(table["gfn2 (kcal/mol)"], energies - energies.min(), atol=1e-8)
    for name in ("gfn2", "ani"):
        assert table[f"{name} (kcal/mol)"].min() == 0
        assert table[f"{name} rank"].min() == 1
        assert table[f"{name} population at 298.15 K"].sum() == pytest.approx(1.0)
    assert calls[-1] == ("ani", n, n)
    assert [call for call in calls if call[0] == "gfn2"] == [("gfn2", k, n) for k in range(1, n + 1)]


def test_the_agreement_table_has_a_row_for_each_pair(butanol: Molecule, ani: AniEngine) -> None:
    result = compare_methods(butanol, {"gfn2": GFN2, "ani": ani})
    (row,) = result.agreements
    first, second = (method.values for method in result.methods)
    assert row == agreement("gfn2", "ani", first, second)
    assert result.agreement_table["methods"].tolist() == ["gfn2 and ani"]
    assert result.agreement_table["RMSE (kcal/mol)"].tolist() == [row.rmse]


def test_the_model_stands_beside_the_engines(butanol: Molecule) -> None:
    model = load_model()
    field = model.force_field(butanol)
    result = compare_methods(butanol, {"model": model, "gfn2": GFN2})
    first, _ = result.methods
    assert (first.name, first.level) == ("model", f"trained on {model.level_of_theory}")
    energies = field.energy(butanol.positions)
    np.testing.assert_allclose(first.relative, energies - energies.min(), atol=1e-8)
    np.testing.assert_allclose(first.atomization_energies, field.atomization_energy(butanol.positions))
    assert [row.first for row in result.agreements] == ["model"]


def test_one_conformer_is_compared_by_atomization_energies(butanol: Molecule, ani: AniEngine) -> None:
    result = compare_methods(butanol.with_positions(butanol.positions[0]), {"gfn2": GFN2, "ani": ani})
    table = atomization_table(result, 1)
    assert table["level of theory"].tolist() == ["GFN2-xTB", "ANI-1x (trained on wB97X/6-31G(d))"]
    expected = [
        engine.atomic_energies(butanol.numbers).sum() - engine.energy(butanol, butanol.positions[0])[0]
        for engine in (GFN2, ani)
    ]
    np.testing.assert_allclose(table["atomization energy (kcal/mol)"], expected)
    assert (table["atomization energy (kcal/mol)"] > 1000).all()


def test_a_method_without_parameters_is_left_out_with_its_reason(ani: AniEngine) -> None:
    molecule = generate(Molecule.from_smiles("BrCCCl"), 3)
    result = compare_methods(molecule, {"gfn2": GFN2, "ani": ani})
    assert [method.name for method in result.methods] == ["gfn2"]
    assert result.left_out == {"ani": "ANI-1x has no parameters for Cl and Br"}
    assert result.agreement_table.empty


def test_a_failed_conformer_keeps_its_row_and_its_reason() -> None:
    molecule = generate(Molecule.from_smiles("CP(=O)(OC)SCC(Br)CCl"), 2, seed=3)
    positions = np.stack([molecule.positions[0], molecule.positions[0] * 0.55, molecule.positions[1]])
    result = compare_methods(molecule.with_positions(positions), {"gfn2": GFN2})
    (method,) = result.methods
    assert np.isfinite(method.values).tolist() == [True, False, True]
    assert list(method.failures) == [2]
    assert method.failures[2].startswith("GFN2-xTB (tblite) failed")
    assert np.isnan(method.ranks).tolist() == [False, True, False]
    hopeless = compare_methods(molecule.with_positions(positions[1]), {"gfn2": GFN2})
    assert hopeless.methods == ()
    assert "failed" in hopeless.left_out["gfn2"]


def test_a_molecule_without_coordinates_is_refused() -> None:
    with pytest.raises(MissingCoordinatesError):
        compare_methods(Molecule.from_smiles("C"), {"gfn2": GFN2})


def test_agreement_against_scipy() -> None:
    rng = np.random.default_rng(3)
    a = rng.normal(size=30)
    b = 0.8 * a + 0.3 * rng.normal(size=30) - 500.0
    row = agreement("a", "b", a, b)
    difference = (a - a.min()) - (b - b.min())
    assert row.n_conformers == 30
    assert row.rmse == pytest.approx(np.sqrt((difference**2).mean()))
    assert row.mae == pytest.approx(np.abs(difference).mean())
    assert row.rmse_aligned == pytest.approx(np.std(a - b))
    assert row.pearson == pytest.approx(stats.pearsonr(a, b).statistic)
    assert row.spearman == pytest.approx(stats.spearmanr(a, b).statistic)


def test_ties_in_spearman_are_those_of_scipy() -> None:
    a, b = np.array([1.0, 1.0, 2.0, 3.0, 3.0]), np.array([2.0, 1.0, 2.0, 4.0, 5.0])
    assert agreement("a", "b", a, b).spearman == pytest.approx(stats.spearmanr(a, b).statistic)


def test_agreement_is_over_common_conformers_and_needs_three_for_a_correlation() -> None:
    row = agreement("a", "b", [0.0, 1.0, np.nan, 5.0], [10.0, 12.0, 11.0, np.nan])
    assert row.n_conformers == 2
    assert row.mae == pytest.approx(0.5)
    assert np.isnan(row.pearson)
    none = agreement("a", "b", [np.nan], [1.0])
    assert none.n_conformers == 0
    assert np.isnan(none.rmse)
    constant = agreement("a", "b", [1.0, 1.0, 1.0], [1.0, 2.0, 3.0])
    assert np.isnan(constant.pearson)
