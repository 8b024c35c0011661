"""Named molecules: the machinery on quick ones, with methods whose answers are known, and the table of the page."""

import json
from typing import cast

import numpy as np
import pytest

from scripts.model_page import PAGE, model_page
from virialff.benchmarks.named import GFN2, QUESTIONS, Profile, Question, check_named, minimum, named_table
from virialff.benchmarks.report import NAMED, SHA256
from virialff.engines.xtb import Gfn2Engine
from virialff.methods.method import ForceMethod
from virialff.models.card import SIDE_BY_SIDE
from virialff.models.registry import load_model
from virialff.settings import ASSETS


class Cosine:
    """Energies that follow the H-C-C-H torsion of ethane with a barrier of 5 kcal/mol, lowest where eclipsed."""

    name = level = level_of_theory = "cosine"

    def available(self):
        return None

    def unsupported(self, molecule):
        return None

    def energy(self, molecule, positions, *, progress=None):
        hydrogens = [np.flatnonzero((molecule.bonds == carbon).any(axis=1)) for carbon in (0, 1)]
        ends = [max(molecule.bonds[bonds].ravel()) for bonds in hydrogens]
        energies = []
        for p in np.asarray(positions).reshape(-1, molecule.n_atoms, 3):
            axis = (p[1] - p[0]) / np.linalg.norm(p[1] - p[0])
            a, b = (p[end] - p[carbon] for end, carbon in zip(ends, (0, 1), strict=True))
            a, b = a - (a @ axis) * axis, b - (b @ axis) * axis
            cosine = np.clip(a @ b / np.linalg.norm(a) / np.linalg.norm(b), -1, 1)
            energies.append(-2.5 * np.cos(3 * np.arccos(cosine)))
        return np.array(energies)


def cosine() -> ForceMethod:
    """A method of energies alone, which rigid scans do with."""
    return cast(ForceMethod, Cosine())


ETHANE = Profile("CC", "[#1:1][CX4:2][CX4:3][#1:4]")
_ETHANE = next(question for question in QUESTIONS if question.molecule == "ethane")


def test_a_rigid_scan_gives_the_barrier_and_the_lowest_point():
    method = cosine()
    assert ETHANE.barrier(method) == pytest.approx(5.0, abs=0.2)
    assert min(ETHANE.lowest(method) % 120, 120 - ETHANE.lowest(method) % 120) <= 15
    assert ETHANE.between(60, 0)(method) == pytest.approx(5.0, abs=0.4)


def test_two_quick_molecules_are_right_by_gfn2_and_wrong_by_a_method_that_eclipses():
    formamide = next(question for question in QUESTIONS if question.molecule == "formamide")
    found = check_named({"again": Gfn2Engine()}, (_ETHANE, formamide))
    assert [answer.right["again"] for answer in found.answers] == [True, True]
    assert found.answers[0].values["again"] == pytest.approx(2.7, abs=0.3)
    assert 20 < found.answers[1].values[GFN2] < 30
    answer = check_named({"cosine": cosine()}, (_ETHANE,)).answers[0]
    assert answer.right == {"cosine": False, GFN2: True}


def test_what_a_model_cannot_compute_has_no_value_and_a_reason():
    class Refusing(Cosine):
        def unsupported(self, molecule):
            return "it knows no ethane"

    found = check_named({"none": cast(ForceMethod, Refusing())}, (_ETHANE,))
    assert found.reasons == {("none", "ethane"): "it knows no ethane"}
    record = found.as_records()[0]
    assert record["values"]["none"] is None
    assert record["right"]["none"] is None
    assert named_table([record])["none"].tolist() == [""]


def test_torsions_are_set_before_the_minimum_is_looked_for():
    pattern = "[C:1][C:2][C:3][C:4]"
    lengths = []
    for angle in (180.0, 65.0):
        found = minimum("CCCC", ((pattern, angle),))
        carbons = found.positions[0][found.numbers == 6]
        lengths.append(np.linalg.norm(carbons[0] - carbons[3]))
    assert lengths[0] == pytest.approx(3.9, abs=0.2)
    assert lengths[1] == pytest.approx(3.1, abs=0.3)


def test_criteria_are_of_the_value_and_of_gfn2():
    amide = next(question for question in QUESTIONS if question.molecule == "thioformamide")
    assert amide.holds(20.0, 25.0)
    assert not amide.holds(18.0, 25.0)
    acid = next(question for question in QUESTIONS if question.quantity.startswith("E above Z"))
    assert acid.holds(7.0, 6.0)
    assert not acid.holds(11.0, 6.0)
    assert isinstance(amide, Question)


def test_the_page_shows_the_named_molecules_of_the_shipped_model():
    card = json.loads((ASSETS / "models" / "default" / "card.json").read_text(encoding="utf-8"))
    beside = card["metrics"][SIDE_BY_SIDE]
    assert beside[SHA256]["default"] == load_model("default").sha256, "the table is of other parameters: measure again"
    assert [(entry["molecule"], entry["quantity"]) for entry in beside[NAMED]] == [
        (question.molecule, question.quantity) for question in QUESTIONS
    ]
    page = PAGE.read_text(encoding="utf-8")
    assert page.startswith(model_page(card).rstrip("\n"))
    for _, row in named_table(beside[NAMED]).iterrows():
        assert f"| {' | '.join(row)} |" in page


@pytest.mark.parametrize("smiles", ["CC", "NC=O"])
def test_the_shipped_model_answers_as_its_card_says(smiles):
    name = {"CC": "ethane", "NC=O": "formamide"}[smiles]
    question = next(entry for entry in QUESTIONS if entry.molecule == name)
    model = load_model("default")
    card = json.loads((ASSETS / "models" / "default" / "card.json").read_text(encoding="utf-8"))
    kept = next(entry for entry in card["metrics"][SIDE_BY_SIDE][NAMED] if entry["molecule"] == name)
    assert question.measure(model) == pytest.approx(kept["values"]["default"], abs=0.2)
