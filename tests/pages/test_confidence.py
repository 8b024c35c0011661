"""What the pages say of the model's reliability: rare atoms, spread, errors beside other methods, calibration."""

import json

import pytest

from tests.pages.conftest import enter_smiles, upload
from tests.pages.test_force_field import sdf_of
from tests.virialff.sample_models import calibrated, change_card, make_ensemble
from virialff.benchmarks.calibration import calibrate
from virialff.conformers.generation import search
from virialff.models import registry
from virialff.molecules.molecule import Molecule
from virialff.settings import MODELS_VARIABLE

ENVIRONMENTS = {"H(-C)": 900, "C(-C,-H,-H,-H)": 90, "C(-C,-H,-H,-O)": 3, "O(-C,-H)": 60, "H(-O)": 70}
ERRORS = {
    "errors": [
        {
            "set": "held out",
            "quantity": "total energy (kcal/mol)",
            "sizes": "all",
            "method": method,
            "n_values": 40,
            "mae": mae,
            "rmse": mae,
        }
        for method, mae in (("mine", 1.5), ("GFN2-xTB", 2.5))
    ],
    "notes": ["an <odd> *note*"],
}


@pytest.fixture
def ensemble_app(app, tmp_path, monkeypatch):
    """The app with a model of three members, which knows what it was trained on."""
    monkeypatch.setenv(MODELS_VARIABLE, str(tmp_path / "models"))
    folder = make_ensemble(tmp_path / "source")
    calibration = calibrate([[1.0, 2.0, 4.0], [1.1, 2.2, 3.0]], [1.0, 2.1, 5.0], [0, 1, 2], quantity="total energy")
    metrics = json.loads((folder / "card.json").read_text())["metrics"]
    metrics |= {"side by side": ERRORS, "calibration": {"total energy": calibration.as_dict()}}
    change_card(folder, environments=ENVIRONMENTS, metrics=metrics)
    registry.set_default(registry.add(folder, "mine").name)
    return app.run()


def test_rare_atoms_are_named_and_the_spread_is_a_column(ensemble_app):
    app = enter_smiles(ensemble_app, "OCC")
    assert not app.exception
    assert any("stretched" in text.value and "atom C2" in text.value for text in app.markdown)
    assert any("Orange: atoms" in caption.value for caption in app.caption)
    (shown,) = (element.proto for element in app.main if getattr(element.proto, "component_name", "") == "structure")
    assert json.loads(shown.json)["marked"] == [1]
    charges = next(table.value for table in app.dataframe if "charge (e)" in table.value)
    assert (charges["spread (e)"] > 0).any()
    assert charges["training molecules"].tolist()[:3] == [60, 3, 90]


def test_common_atoms_raise_no_warning(ensemble_app):
    app = enter_smiles(ensemble_app, "CC")
    assert not app.exception
    assert not app.warning
    assert not any("stretched" in text.value for text in app.markdown)


def test_the_card_shows_other_methods_and_the_calibration(ensemble_app):
    app = ensemble_app.switch_page("pages/models.py")
    app.session_state["details_mine"] = True
    app.run()
    table = next(table.value for table in app.table if r"GFN2\-xTB" in table.value)
    assert table[["mine", r"GFN2\-xTB"]].to_numpy().tolist() == [[r"1\.50", r"2\.50"]]
    assert any(r"an \<odd\> \*note\*" in caption.value for caption in app.caption)
    assert any("calibration" in str(element.proto.id) for element in app.get("plotly_chart"))


def test_intervals_and_new_parts_on_the_page_conformers(ensemble_app):
    calibrated(registry.find("mine").folder, conformers={"constant": 0.5})
    change_card(registry.find("mine").folder, parts={"rotatable_bonds": {"5": "C4(C,H,H)-C4(C,H,H)"}})
    app = ensemble_app.run().switch_page("pages/conformers.py").run()
    ensemble = search(Molecule.from_smiles("CCCCO"), 3).molecule
    upload(app, "butanol.sdf", sdf_of(ensemble))
    pills = next(group for group in app.button_group if group.key.startswith("energy_methods"))
    pills.set_value(["model"]).run()
    assert not app.exception
    table = next(frame.value for frame in app.dataframe if "mine ± 95 % (kcal/mol)" in frame.value.columns)
    assert sorted(table["mine ± 95 % (kcal/mol)"].tolist()) == pytest.approx([0.0] + [1.5] * (len(table) - 1))
    assert any("95 of 100 energies" in caption.value for caption in app.caption)
    assert any("outside" in text.value and "rotatable bond" in text.value for text in app.markdown)
