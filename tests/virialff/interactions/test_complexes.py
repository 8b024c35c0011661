"""Interaction energies of one complex by several methods."""

import numpy as np
import pytest

from tests.virialff.sample_models import change_card
from virialff import get_engine, load_model
from virialff.benchmarks.reference_data import load_references
from virialff.errors import MissingCoordinatesError, MoleculeError
from virialff.interactions.complexes import (
    ComplexInteractions,
    MethodInteraction,
    complex_interactions,
    interaction_table,
    vertical_interaction,
)
from virialff.interactions.energies import interaction_energy, relax_complex, relaxed_interaction_energy
from virialff.methods.method import get_method
from virialff.molecules.molecule import Molecule
from virialff.settings import ASSETS


@pytest.fixture(scope="module")
def dimer():
    references = load_references(ASSETS / "data" / "references.parquet")
    return next(entry.molecule for entry in references.dimers if (entry.database, entry.index) == ("S66", 1))


def test_vertical_by_model_and_engine(dimer):
    gfn2 = vertical_interaction("GFN2-xTB", get_engine("gfn2"), dimer)
    assert gfn2.energy == pytest.approx(float(interaction_energy(dimer, get_engine("gfn2"))[0]))
    model = vertical_interaction("model", load_model(), dimer)
    assert model.energy == pytest.approx(
        float(load_model().force_field(dimer).interaction_energy(dimer.positions[0])), abs=1e-4
    )
    assert load_model().level_of_theory in model.level_of_theory


def test_method_without_an_element_gives_its_reason(dimer, model):
    change_card(model, elements=["H", "C"])
    refused = vertical_interaction("small", load_model(model), dimer)
    assert refused.energy is None
    assert "is O" in refused.reason
    table = interaction_table([refused])
    assert table["E_int vertical (kcal/mol)"].isna().all()
    assert list(ComplexInteractions((refused,)).reasons) == ["small"]


def test_relaxed_energies_stand_beside_the_vertical_ones(dimer):
    engine = get_engine("gfn2")
    steps = []
    found = complex_interactions(
        dimer, {"GFN2-xTB": engine, "model": load_model()}, engine, progress=lambda *step: steps.append(step)
    )
    assert list(found.table.columns) == [
        "method",
        "E_int vertical (kcal/mol)",
        "± 95 % (kcal/mol)",
        "E_int relaxed (kcal/mol)",
        "level of theory",
    ]
    assert found.geometry_level == engine.level
    relaxed = relax_complex(dimer, engine)
    np.testing.assert_allclose(found.geometry.positions, relaxed.molecule.positions, atol=0.05)
    assert np.abs(found.geometry.positions - dimer.positions).max() > 0.01
    assert (found.table["E_int relaxed (kcal/mol)"] < 0).all()
    expected = [relaxed_interaction_energy(relaxed, method) for method in (engine, load_model())]
    np.testing.assert_allclose(found.table["E_int relaxed (kcal/mol)"].astype(float), expected, atol=0.02)
    assert [done for done, _, _ in steps] == sorted(done for done, _, _ in steps)
    assert all(done < total for done, total, _ in steps)


def test_what_is_no_complex_with_coordinates():
    with pytest.raises(MoleculeError, match="two or more molecules"):
        complex_interactions(Molecule.from_smiles("O"), {})
    with pytest.raises(MissingCoordinatesError):
        complex_interactions(Molecule.from_smiles("O.O"), {})


def test_level_of_ani_is_that_of_its_weights(dimer):
    engine = get_engine("ani")
    if reason := engine.available():
        pytest.skip(reason)
    entry = vertical_interaction("ANI", engine, dimer)
    assert "trained on" in entry.level_of_theory


def test_dft_is_counterpoise_corrected_and_tells_its_progress(dimer):
    engine = get_method("pyscf")
    steps = []
    found = complex_interactions(dimer, {"DFT": engine}, get_engine("gfn2"), progress=lambda *step: steps.append(step))
    table = found.table.iloc[0]
    references = load_references(ASSETS / "data" / "references.parquet")
    held = next(entry for entry in references.dimers if (entry.database, entry.index) == ("S66", 1))
    assert table["E_int vertical (kcal/mol)"] == pytest.approx(held.interaction_energies[engine.level], abs=2e-3)
    assert "counterpoise-corrected" in table["level of theory"]
    relaxed = relax_complex(dimer, get_engine("gfn2"))
    vertical = float(interaction_energy(relaxed.molecule, engine)[0])
    deformation = sum(
        float(
            (
                engine.energy(relaxed.molecule.fragment(k), relaxed.molecule.fragment(k).positions)
                - engine.energy(monomer, monomer.positions)
            )[0]
        )
        for k, monomer in enumerate(relaxed.monomers)
    )
    assert table["E_int relaxed (kcal/mol)"] == pytest.approx(vertical + deformation, abs=2e-3)
    assert [done for done, _, _ in steps] == [0, 1, 2, 3, 6, 7, 8, 9, 10, 11, 12]
    assert {total for _, total, _ in steps} == {13}


def test_a_complex_that_was_not_relaxed_has_no_other_geometry(dimer):
    assert complex_interactions(dimer, {"GFN2-xTB": get_engine("gfn2")}).geometry is None


def test_results_of_two_calls_stand_side_by_side(dimer):
    one = complex_interactions(dimer, {"GFN2-xTB": get_engine("gfn2")})
    both = one.beside(complex_interactions(dimer, {"model": load_model()}))
    assert both.table["method"].tolist() == ["GFN2-xTB", "model"]
    assert both.table["E_int vertical (kcal/mol)"][0] == one.table["E_int vertical (kcal/mol)"][0]


@pytest.mark.parametrize(
    ("energy", "width", "doubted"),
    [(-29.5, 19.5, True), (-29.5, 12.0, False), (-1.2, 2.2, False), (-4.2, 6.1, True), (None, 9.0, False)],
)
def test_members_that_disagree_are_said_in_words(energy, width, doubted):
    entry = MethodInteraction("Model", "GFN2-xTB", energy, half_widths={"95": width})
    found = ComplexInteractions((entry, MethodInteraction("GFN2-xTB", "GFN2-xTB", -28.0)))
    assert [f"off by {width:.1f} kcal/mol" in said for said in found.doubts] == [True] * doubted
