"""Interaction energies of one complex by several methods."""

import numpy as np
import pytest

from tests.virialff.sample_models import change_card
from virialff import get_engine, load_model
from virialff.complex_energies import interaction_table, reasons, relaxed_interaction, vertical_interaction
from virialff.datasets.references import load_references
from virialff.interactions import interaction_energy, relax_complex
from virialff.paths import ASSETS


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
    assert list(reasons([refused])) == ["small"]


def test_relaxed_energy_stands_beside_the_vertical_one(dimer):
    engine = get_engine("gfn2")
    relaxed = relax_complex(dimer, engine)
    energy = relaxed_interaction("GFN2-xTB", engine, relaxed)
    table = interaction_table([vertical_interaction("GFN2-xTB", engine, dimer)], [energy])
    assert list(table.columns) == [
        "method",
        "E_int vertical (kcal/mol)",
        "E_int relaxed (kcal/mol)",
        "level of theory",
    ]
    # At its own minimum a complex lies lower than anywhere near.
    assert table["E_int relaxed (kcal/mol)"][0] > table["E_int vertical (kcal/mol)"][0] - 0.2
    assert np.isfinite(table["E_int relaxed (kcal/mol)"][0])
