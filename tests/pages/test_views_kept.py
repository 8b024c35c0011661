"""What was chosen on a page is there again after a change of page, and a link reopens it."""

import json

import pytest

from tests.pages.conftest import enter_smiles, open_tab, open_way, upload
from tests.pages.test_force_field import sdf_of
from virialff.conformers.generation import search
from virialff.molecules.molecule import Molecule


def away_and_back(app, page: str = "force_field"):
    """Open another page, then this one again."""
    app.switch_page("pages/data.py").run()
    return app.switch_page(f"pages/{page}.py").run()


def box(app, label: str):
    return next(element for element in app.selectbox if element.label == label)


def test_choices_of_the_molecule_page_are_kept(app):
    enter_smiles(app, "CCCO")
    open_tab(app, "Lennard-Jones")
    relation = next(group for group in app.button_group if group.key.startswith("relation_"))
    relation.set_value("1-3").run()
    open_tab(app, "Atom pair")
    box(app, "First atom").set_value(2).run()
    app.toggle(key="depiction_hydrogens").set_value(False).run()
    away_and_back(app)
    assert not app.exception
    assert box(app, "First atom").value == 2
    open_tab(app, "Lennard-Jones")
    assert next(group for group in app.button_group if group.key.startswith("relation_")).value == "1-3"
    open_tab(app, "Atom pair")
    assert box(app, "First atom").value == 2
    assert app.toggle(key="depiction_hydrogens").value is False


def test_the_record_of_an_upload_stays_the_one_that_is_shown(app):
    records = [search(Molecule.from_smiles(smiles), 1).molecule for smiles in ("CO", "O")]
    upload(app, "two.sdf", "".join(sdf_of(molecule, molecule.formula) for molecule in records))
    app.selectbox(key="upload_record").select_index(1).run()
    away_and_back(app)
    open_way(app, "File")
    assert app.selectbox(key="upload_record").value == 1
    assert [header.value for header in app.header] == ["H₂O"]


def test_typed_recipe_is_kept(app, tmp_path, monkeypatch):
    monkeypatch.setenv("VIRIALFF_JOBS", str(tmp_path / "runs"))
    app.switch_page("pages/train.py").run()
    app.button(key="card_full").click().run()
    next(group for group in app.button_group if group.key == "recipe_way").set_value("YAML text").run()
    (text,) = app.text_area
    text.set_value(text.value + "# mine\n").run()
    away_and_back(app, "train")
    assert not app.exception
    assert app.text_area[0].value.endswith("# mine\n")


def test_opened_parts_of_the_molecule_page_are_kept(app):
    enter_smiles(app, "CCO")
    open_tab(app, "Pair energies")
    assert any(element.label == "Term" for element in app.selectbox)
    away_and_back(app)
    assert any(element.label == "Term" for element in app.selectbox)


def test_link_names_the_model_of_the_session_and_reopens_it(app):
    app.run()
    assert "model" not in app.query_params
    app.selectbox(key="session_model").set_value("foundation-gfn2").run()
    assert app.query_params["model"] == "foundation-gfn2"

    other = type(app).from_file(app._script_path, default_timeout=120)
    other.query_params["model"] = "foundation-gfn2"
    other.run()
    assert not other.exception
    assert other.selectbox(key="session_model").value == "foundation-gfn2"


def test_link_with_a_model_that_is_not_here_says_so(app):
    app.query_params["model"] = "gone](http://example.org)"
    app.run()
    assert not app.exception
    (warning,) = app.sidebar.warning
    assert "says of model cannot be used" in warning.value
    assert "example" not in warning.value
    app.selectbox(key="session_model").set_value("foundation-gfn2").run()
    assert not app.sidebar.warning


@pytest.mark.parametrize(("chosen", "scale"), [("SVG", None), ("PNG", 3)])
def test_figures_are_saved_in_the_chosen_format(app, chosen, scale):
    enter_smiles(app, "CCO")
    open_tab(app, "Lennard-Jones")
    app.sidebar.button_group(key="figure_format").set_value(chosen).run()
    assert not app.exception
    charts = app.get("plotly_chart")
    assert charts
    for chart in charts:
        image = json.loads(chart.proto.config)["toImageButtonOptions"]
        assert image["format"] == chosen.lower()
        assert image.get("scale") == scale
    names = [json.loads(chart.proto.config)["toImageButtonOptions"]["filename"] for chart in charts]
    assert "Histogram_of_sigma" in names
