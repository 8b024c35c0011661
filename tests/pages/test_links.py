"""The address of a page opens the same molecule, with the same numbers of its atoms, and the same view.

Widgets that Streamlit binds to the address are written there by the browser, which is not here: what it writes is given
beside what the app writes itself.
"""

import ast

import numpy as np
import pytest
from rdkit import Chem
from streamlit.testing.v1 import AppTest

from pages.components.shell import model, state
from pages.components.shell.entry import PAGES
from tests.pages.conftest import ROOT, enter_smiles, finish, open_tab, upload
from tests.pages.test_force_field import sdf_of
from virialff.conformers.generation import search
from virialff.io.smiles import smiles_in_order
from virialff.molecules import keys
from virialff.molecules.molecule import Molecule

#: Canonical SMILES of these have the atoms in another order.
RENUMBERED = ["Brc1ccc(C#N)cc1", "OCC(=O)C", "[CH3:2][OH:1]", "C(F)(Cl)Br.O", "N[C@@H](C)C(=O)O"]


def show(app: AppTest, page: str) -> AppTest:
    app.switch_page(f"pages/{page}.py").run()
    assert not app.exception
    return app


def opened_anew(app: AppTest, page: str, **bound: str) -> AppTest:
    """Another session, opened at this page with the address of `app` and what the browser wrote of bound widgets."""
    other = AppTest.from_file(app._script_path, default_timeout=120)
    for name, value in {**app.query_params, **bound}.items():
        other.query_params[name] = value
    other.switch_page(f"pages/{page}.py").run()
    assert not other.exception
    return other


def group(app: AppTest, key: str):
    return next(entry for entry in app.button_group if entry.key.startswith(key))


def box(app: AppTest, label: str):
    return next(element for element in app.selectbox if element.label == label)


def field(app: AppTest, label: str):
    return next(element for element in app.number_input if element.label.startswith(label))


def key_of(app: AppTest) -> str:
    return keys.structure_key(app.session_state["loaded_molecule"].molecule)


@pytest.mark.parametrize("page", PAGES)
def test_typed_smiles_stays_in_the_address_of_every_page(app, page):
    typed = RENUMBERED[0]
    enter_smiles(app, typed)
    show(app, page)
    assert app.query_params["smiles"] == typed
    other = opened_anew(app, page)
    assert key_of(other) == key_of(app)
    assert other.query_params["smiles"] == typed


@pytest.mark.parametrize("typed", RENUMBERED)
def test_a_link_numbers_the_atoms_as_they_were(app, typed):
    enter_smiles(app, typed)
    atoms = box(open_tab(app, "Atom pair"), "First atom").options
    other = open_tab(opened_anew(app, "force_field"), "Atom pair")
    assert box(other, "First atom").options == atoms
    assert key_of(other) == key_of(app)


@pytest.mark.parametrize("smiles", [*RENUMBERED, "O", "[H][H]", "C/C=C/Cl", "CS(=O)(=O)c1ccccc1.O"])
def test_smiles_in_order_keep_any_order_and_the_configuration(smiles):
    molecule = Molecule.from_smiles(smiles)
    rng = np.random.default_rng(0)
    for _ in range(3):
        order = rng.permutation(molecule.n_atoms).tolist()
        shuffled = Molecule.from_rdkit(Chem.RenumberAtoms(molecule.to_rdkit(), order))
        again = Molecule.from_smiles(smiles_in_order(shuffled))
        assert keys.structure_key(again) == keys.structure_key(shuffled)


def test_files_and_examples_keep_their_order_in_the_link(app):
    molecule = search(Molecule.from_smiles("NCC(=O)Br"), 1).molecule
    order = list(reversed(range(molecule.n_atoms)))
    upload(app, "turned.sdf", sdf_of(Molecule.from_rdkit(Chem.RenumberAtoms(molecule.to_rdkit(), order))))
    open_tab(app, "Atom pair")
    other = opened_anew(app, "force_field", force_field_view="Atom pair")
    assert box(other, "First atom").options == box(app, "First atom").options
    assert key_of(other) == key_of(app)
    app.session_state["input_way"] = "Examples"
    app.run()
    next(button for button in app.button if button.label == "ibuprofen").click().run()
    assert key_of(opened_anew(app, "force_field")) == key_of(app)


def test_the_view_of_the_molecule_page(app):
    enter_smiles(app, "Brc1ccc(C#N)cc1")
    open_tab(app, "Lennard-Jones")
    group(app, "relation_").set_value("1-3").run()
    relation = group(app, "relation_").key
    open_tab(app, "Atom pair")
    box(app, "First atom").set_value(2).run()
    box(app, "Second atom").set_value(6).run()
    app.button_group(key="depiction_labels").set_value("Atom numbers").run()
    other = opened_anew(app, "force_field", depiction_labels="Atom numbers")
    assert (box(other, "First atom").value, box(other, "Second atom").value) == (2, 6)
    bound = {relation: "1-3", "force_field_view": "Lennard-Jones"}
    assert group(opened_anew(app, "force_field", **bound), "relation_").value == "1-3"
    assert other.button_group(key="depiction_labels").value == "Atom numbers"


@pytest.mark.parametrize(
    ("smiles", "kind", "atoms", "low", "high"),
    [
        ("CC(=O)OCC", "torsion", "C2-O4-C5-C6", -120.0, 60.0),
        ("Brc1ccc(C#N)cc1", "bond", "Br1-C2", 1.7, 2.75),
        ("OCC", "angle", "O1-C2-C3", 90.0, 130.5),
        ("ClC.O", "separation", None, 6.0, 9.5),
    ],
)
def test_a_scan_is_opened_again(app, smiles, kind, atoms, low, high):
    enter_smiles(app, smiles)
    show(app, "scan")
    group(app, "scan_kind").set_value(kind).run()
    label = "Molecule that moves" if atoms is None else "Atoms"
    names = box(app, label).options
    place = 0 if atoms is None else next(k for k, name in enumerate(names) if name.startswith(atoms))
    box(app, label).select_index(place).run()
    field(app, "From").set_value(low).run()
    field(app, "To").set_value(high).run()
    field(app, "Points").set_value(7).run()
    group(app, "energy_methods").set_value(["model"]).run()
    assert not app.exception
    group(app, "scan_relax").set_value("MMFF94").run()
    other = opened_anew(app, "scan", scan_relax="MMFF94")
    assert group(other, "scan_relax").value == "MMFF94"
    assert group(other, "scan_kind").value == kind
    assert box(other, label).value == box(app, label).value
    assert [field(other, name).value for name in ("From", "To", "Points")] == [low, high, 7]
    assert group(other, "energy_methods").value == ["model"]
    # A link that does not fit is said; of the results both say the same.
    assert [warning.value for warning in other.warning] == [warning.value for warning in app.warning]
    for session in (app, other):
        open_tab(session, "All points", "scan_view")
    tables = [
        next(f.value for f in session.dataframe if "Model (kcal/mol)" in f.value.columns) for session in (app, other)
    ]
    assert tables[0].equals(tables[1])
    assert key_of(other) == key_of(app)


@pytest.mark.parametrize(
    "text", ["torsion_1-2-3-4_0_1_5", "bond_1-2_nan_1_5", "ring_1-2_1_2_3", "x", "bond_1-2_1_2_9999"]
)
def test_a_scan_that_is_not_there_is_said(app, text):
    app.query_params["smiles"] = "OCC"
    app.query_params["scan"] = text
    app.switch_page("pages/scan.py").run()
    assert not app.exception
    (said,) = (warning.value for warning in app.warning if "the link says of scan" in warning.value)
    assert text not in said


def test_the_scan_leaves_the_address_with_its_page(app):
    enter_smiles(app, "OCC")
    show(app, "scan")
    assert app.query_params["scan"]
    show(app, "conformers")
    assert "scan" not in app.query_params


def test_an_address_that_changes_gives_the_molecule_before_with_its_coordinates(app):
    given = search(Molecule.from_smiles("CCCO"), 3, seed=1).molecule
    upload(app, "propanol.sdf", sdf_of(given))
    first = app.query_params["smiles"]
    enter_smiles(app, "CCN")
    # As Back of a browser does.
    app.query_params["smiles"] = first
    app.run()
    shown = app.session_state["loaded_molecule"].molecule
    np.testing.assert_array_equal(shown.positions, app.session_state["upload"].molecules[0].positions)
    app.query_params["smiles"] = "C1CC("
    app.run()
    assert len(app.error) == 1
    assert app.session_state["loaded_molecule"].molecule is shown


def test_the_view_of_the_conformers_page(app):
    enter_smiles(app, "OCCBr")
    show(app, "conformers")
    field(app, "Number of conformers").set_value(7).run()
    app.number_input(key="ensemble_seed").set_value(5).run()
    other = opened_anew(app, "conformers", ensemble_count="7", ensemble_seed="5")
    assert other.number_input(key="ensemble_count").value == 7
    assert other.number_input(key="ensemble_seed").value == 5


def test_a_complex_that_was_put_together_is_opened_again(app):
    enter_smiles(app, "OC(=O)C.O")
    show(app, "dimer")
    group(app, "complex").set_value("My own").run()
    box(app, "Atom of the first").select_index(1).run()
    field(app, "Distance").set_value(3.05).run()
    field(app, "Turn by").set_value(40).run()
    other = opened_anew(app, "dimer", complex="My own")
    assert group(other, "complex").value == "My own"
    assert box(other, "Atom of the first").value == 1
    assert field(other, "Distance").value == 3.05
    assert field(other, "Turn by").value == 40
    # A link that does not fit is said; of the results both say the same.
    assert [warning.value for warning in other.warning] == [warning.value for warning in app.warning]


@pytest.mark.parametrize(
    ("page", "kind", "key", "value"),
    [
        ("data", "selectbox", "data_split", "80 / 10 / 10"),
        ("parameters", "number_input", "count", 20),
        ("benchmarks", "selectbox", "benchmarks_card", "paper"),
        ("conformers", "toggle", "ensemble_relax", False),
        ("force_field", "toggle", "depiction_hydrogens", False),
        ("dimer", "selectbox", "dimer", "S66 1: Water Dimer"),
    ],
)
def test_what_the_browser_writes_is_taken(app, page, kind, key, value):
    app.query_params["smiles"] = "OCC"
    text = str(value).lower() if isinstance(value, bool) else str(value)
    other = opened_anew(app, page, **{key: text})
    assert getattr(other, kind)(key=key).value == value


@pytest.mark.parametrize(
    ("page", "name", "text", "shown"),
    [
        ("conformers", "ensemble_count", "abc", 20),
        ("conformers", "ensemble_seed", "1e99", 1),
        ("conformers", "ensemble_relax", "perhaps", True),
        ("force_field", "depiction_colors", "by taste", "By charge"),
        ("parameters", "count", "-", 300),
        ("parameters", "data", "elsewhere", None),
        ("force_field", "force_field_view", "Nonsense", "Charges"),
        ("data", "data_part", "Nonsense", "Browse"),
    ],
)
def test_a_value_that_a_field_cannot_take_is_said(app, page, name, text, shown):
    app.query_params["smiles"] = "CCO"
    app.query_params[name] = text
    app.switch_page(f"pages/{page}.py").run()
    assert not app.exception
    (said,) = (warning.value for warning in app.warning if "the link says" in warning.value)
    assert f"says of {name} cannot be used" in said.replace("\\", "")
    assert text not in said
    if shown is not None:
        assert app.session_state[name] == shown


def test_no_field_has_the_name_of_a_part_that_the_app_writes():
    """Streamlit refuses to take a part out of the address that a field is bound to."""
    bound = set()
    for file in (ROOT / "pages").rglob("*.py"):
        for call in (node for node in ast.walk(ast.parse(file.read_text())) if isinstance(node, ast.Call)):
            options = {keyword.arg: keyword.value for keyword in call.keywords}
            linked = isinstance(options.get(None), ast.Attribute | ast.Name) and "LINKED" in ast.unparse(options[None])
            key = options.get("key")
            if (linked or "bind" in options) and isinstance(key, ast.Constant):
                bound.add(key.value)
    assert len(bound) > 20
    assert not bound & {*state.LINK_PARTS, state.LINK_PARAMETER, model.LINK_PARAMETER}


def test_what_a_link_says_in_words_of_its_own_is_no_mistake(app):
    for name, text in {"smiles": "CCO", "ensemble_count": "20", "ensemble_relax": "TRUE", "utm_source": "x"}.items():
        app.query_params[name] = text
    app.switch_page("pages/conformers.py").run()
    assert not [warning.value for warning in app.warning if "the link says" in warning.value]


def test_what_was_said_of_a_value_goes_once_it_is_changed(app):
    app.query_params["smiles"] = "CCO"
    app.query_params["ensemble_count"] = "abc"
    app.switch_page("pages/conformers.py").run()
    assert any("the page has 20 instead" in warning.value for warning in app.run().warning)
    app.number_input(key="ensemble_count").set_value(7).run()
    assert not any("the link says" in warning.value for warning in app.warning)


@pytest.mark.parametrize(
    ("smiles", "gallery", "source"), [("CCO", None, "My own"), ("CCO", "shown", "From the gallery")]
)
def test_a_link_to_page_dimer_with_one_molecule_opens_it(app, smiles, gallery, source):
    app.query_params["smiles"] = smiles
    if gallery:
        app.query_params["gallery"] = gallery
    app.switch_page("pages/dimer.py").run()
    assert not app.exception
    assert group(app, "complex").value == source
    assert ("gallery" in app.query_params) == (gallery is not None)
    # From another page the gallery opens, as ever, and the address says so.
    other = AppTest.from_file(app._script_path, default_timeout=120)
    enter_smiles(other, smiles)
    show(other, "dimer")
    assert group(other, "complex").value == "From the gallery"
    assert other.query_params["gallery"] == ["shown"] or other.query_params["gallery"] == "shown"


@pytest.mark.parametrize(
    ("page", "part", "text", "name"),
    [
        ("scan", "methods", "gfn2,send_the_molecule_to_example.org", "methods"),
        ("train", "fine_tune_on", "send_the_molecule_to_example.org", "the reference energies"),
        ("parameters", "bar", "send_the_molecule_to_example.org", "bar"),
        ("force_field", "pair", "send_the_molecule_to_example.org", "pair"),
        ("force_field", "geometry", "send_the_molecule_to_example.org", "geometry"),
        ("force_field", "model", "send_the_molecule_to_example.org", "model"),
    ],
)
def test_what_is_not_here_is_said_without_the_words_of_the_link(app, page, part, text, name):
    app.query_params["smiles"] = "CCO"
    app.query_params["count"] = "10"
    app.query_params[part] = text
    app.switch_page(f"pages/{page}.py").run()
    finish(app)
    assert any(f"the link says of {name} cannot be used" in warning.value for warning in app.warning)
    assert not any("example" in warning.value for warning in app.warning)


def click_into(monkeypatch: pytest.MonkeyPatch, place: object, name: str) -> None:
    """Have a click come into the first call of this function of a module."""
    function = getattr(place, name)
    calls = []

    def interrupted(*arguments):
        calls.append(arguments)
        if len(calls) == 1:
            raise RuntimeError("a click")
        return function(*arguments)

    monkeypatch.setattr(place, name, interrupted)


def run_into_a_click(app: AppTest) -> None:
    """The run that the click ends, and the one after it."""
    app.run()
    assert app.exception
    app.run()
    assert not app.exception


class _InterruptedOnce(tuple[str, ...]):
    """Parts of a link in whose reading a click comes, once."""

    left = 1

    def __iter__(self):
        if self.left:
            self.left -= 1
            raise RuntimeError("a click")
        return super().__iter__()


@pytest.mark.parametrize("page", ["dimer", "scan"])
def test_a_link_is_read_again_where_a_click_came_into_its_reading(app, page, monkeypatch):
    app.query_params["smiles"] = "OO"
    app.query_params["scan"] = "3-1-2-4"
    monkeypatch.setattr(state, "LINK_PARTS", _InterruptedOnce(state.LINK_PARTS))
    run_into_a_click(app.switch_page(f"pages/{page}.py"))
    assert app.session_state["loaded_molecule"].smiles == "OO"


def test_a_molecule_of_a_link_is_loaded_where_a_click_came_into_its_loading(app, monkeypatch):
    click_into(monkeypatch, state.background, "read_text")
    app.query_params["smiles"] = "OO"
    run_into_a_click(app)
    assert app.session_state["loaded_molecule"].smiles == "OO"


def test_the_model_of_a_link_is_taken_where_a_click_came_into_its_reading(app, monkeypatch):
    click_into(monkeypatch, model.registry, "registered_models")
    app.query_params["model"] = "paper"
    run_into_a_click(app)
    assert app.session_state[model._CHOICE_MEMORY] == "paper"
