"""The parts of the pages that need no browser and no running app."""

import re

import numpy as np
import pandas as pd
import pytest
from rdkit import Chem

from pages.components.shell.text import file_stem, one_line, plain, sentence, subscripted
from pages.components.widgets import structure, viewer
from pages.components.widgets.show import without_signed_zeros
from virialff.conformers.display import display_geometry
from virialff.molecules.molecule import Molecule

HOSTILE = "</script><img src=x onerror=alert(1)> ![a](http://example.org/a.png) :red[x] $x$ `y` [z](javascript:1)"


def test_every_markdown_character_is_escaped():
    escaped = plain(HOSTILE)
    assert re.sub(r"\\(.)", r"\1", escaped).replace("\u2060", "") == HOSTILE
    assert not re.search(r"(?<!\\)[<>\[\]()!:$`*_]", escaped)


@pytest.mark.parametrize("address", ["http://a.example", "HTTPS://a.example/b", "www.a.example"])
def test_an_address_becomes_no_link(address):
    # As in mdast-util-gfm-autolink-literal, which looks at the text without its escapes.
    shown = re.sub(r"\\(.)", r"\1", plain(f"see {address}"))
    assert not re.search(r"https?://|www(?=\.)", shown, re.IGNORECASE)
    assert shown.replace("\u2060", "") == f"see {address}"


def test_control_characters_and_direction_marks_are_removed():
    assert one_line("a\nb\x00c\u202ed") == "a b c d"
    assert len(one_line("x" * 1000, limit=50)) == 50


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("it is wrong", "It is wrong\\."),
        ("what now?", "What now?"),
        ("Done.", "Done\\."),
        ("butane.sdf: it is empty", "butane\\.sdf\\: it is empty\\."),
        ("gfn2 failed", "gfn2 failed\\."),
    ],
)
def test_errors_become_sentences(text, shown):
    assert sentence(text) == shown


def test_a_number_that_is_shown_as_zero_has_no_sign():
    table = pd.DataFrame({"name": ["a", "b", "c", "d"], "E": [-0.004, -0.0, -0.006, 0.004], "n": [1, 2, 3, 4]})
    table["missing"] = pd.array([None, -0.001, 2.0, None], dtype="Float64")
    shown = without_signed_zeros(table, 2)
    assert [f"{value:.2f}" for value in shown["E"]] == ["0.00", "0.00", "-0.01", "0.00"]
    assert shown["missing"].isna().tolist() == [True, False, False, True]
    assert (shown["missing"][1], shown["n"].tolist()) == (0.0, [1, 2, 3, 4])
    assert table["E"][0] == -0.004


@pytest.mark.parametrize(
    ("title", "stem"),
    [("aspirin", "aspirin"), ("../../etc/passwd", "etc_passwd"), ("", "molecule"), ("<b>", "b"), ("…", "molecule")],
)
def test_file_names_are_safe(title, stem):
    assert file_stem(title) == stem


def test_formula_has_subscripts():
    assert subscripted("C13H18O2") == "C₁₃H₁₈O₂"


def test_views_get_numbers_and_element_symbols_only():
    molecule = Molecule.from_smiles(f"CO {HOSTILE}")
    assert molecule.name == HOSTILE
    made = display_geometry(molecule)
    page = viewer.overlay_html(molecule, made.positions[None], hydrogens=True, script="/x.js", theme="dark")
    assert "onerror=alert" not in page
    block = Chem.MolFromMolBlock(viewer.mol_block(molecule, made.positions), removeHs=False)
    assert [atom.GetSymbol() for atom in block.GetAtoms()] == ["C", "O", "H", "H", "H", "H"]
    assert block.GetProp("_Name") == ""
    np.testing.assert_allclose(block.GetConformer().GetPositions(), made.positions, atol=1e-3)


def test_lines_of_the_structure_end_at_their_atoms():
    molecule = Molecule.from_smiles("CO")
    positions = display_geometry(molecule).positions
    drawn = structure._spatial(molecule, positions, None, [structure.Line(1, 4, "#123456", "a pair")], None)
    (line,) = drawn["lines"]
    assert (line["atoms"], line["color"], line["text"]) == ([1, 4], "#123456", "a pair")
    for end, atom in (("start", 1), ("end", 4)):
        assert line[end] == {axis: drawn["atoms"][atom][axis] for axis in "xyz"}
        expected = viewer.facing(positions)[atom]
        np.testing.assert_allclose([line[end][axis] for axis in "xyz"], expected, atol=1e-4)


def test_viewer_script_comes_from_this_server_where_it_has_the_file(monkeypatch, tmp_path):
    local = tmp_path / "3Dmol-min.js"
    monkeypatch.setattr(viewer, "_LOCAL_FILE", local)
    assert viewer.script_url().startswith("https://cdn.jsdelivr.net/npm/3dmol@")
    local.write_text("")
    assert viewer.script_url() == "/app/static/3Dmol-min.js"


def distances(positions):
    return np.linalg.norm(positions[:, None] - positions[None], axis=-1)


def test_view_is_turned_to_its_broad_side_and_not_mirrored():
    molecule = Molecule.from_smiles("C[C@H](O)F")
    made = display_geometry(molecule)
    turned = viewer.facing(made.positions)
    np.testing.assert_allclose(distances(turned), distances(made.positions), atol=1e-9)
    extent = np.ptp(turned, axis=0)
    assert extent[2] <= min(extent[:2]) + 0.5

    def handedness(positions):
        return np.sign(np.linalg.det(positions[1:4] - positions[0]))

    assert handedness(turned) == handedness(made.positions)


def test_view_of_one_and_two_atoms():
    assert viewer.facing(np.array([[1.0, 2.0, 3.0]])).shape == (1, 3)
    two = viewer.facing(np.array([[0.0, 0.0, 0.0], [0.0, 0.0, 0.74]]))
    np.testing.assert_allclose(np.abs(two[:, 1:]), 0, atol=1e-9)
