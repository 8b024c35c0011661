"""Drawings of molecules, and the scale of their charges."""

import re
from typing import Any

import numpy as np
import pytest

from virialff.figures.charge_scale import NEGATIVE, NEUTRAL, POSITIVE, ChargeScale
from virialff.figures.depiction import structure_drawing
from virialff.molecules.molecule import Molecule


def structure_svg(*given: Any, **options: Any) -> str:
    return structure_drawing(*given, **options).svg


def discs(svg: str) -> list[str]:
    return re.findall(r"<(?:ellipse|circle)[^>]*fill:(#[0-9A-Fa-f]{6})", svg)


def test_each_drawn_atom_has_a_disc_of_its_own_charge():
    water = Molecule.from_smiles("O")
    svg = structure_svg(water, np.array([-0.8, 0.4, 0.4]))
    assert svg.startswith("<svg")
    colors = discs(svg)
    assert len(colors) == 3
    assert len(set(colors)) == 2


def test_without_hydrogens_only_heavy_atoms_are_drawn():
    ethanol = Molecule.from_smiles("CCO")
    assert len(discs(structure_svg(ethanol, np.zeros(9), hydrogens=False))) == 3
    assert len(discs(structure_svg(ethanol, np.zeros(9)))) == 9


def test_hydrogens_that_cannot_be_left_out_stay():
    assert len(discs(structure_svg(Molecule.from_smiles("[H][H]"), np.zeros(2), hydrogens=False))) == 2


def test_same_scale_gives_the_same_colour_in_two_molecules():
    scale = ChargeScale(1.0)
    first = discs(structure_svg(Molecule.from_smiles("O"), np.array([-0.5, 0.25, 0.25]), scale=scale))
    second = discs(structure_svg(Molecule.from_smiles("F"), np.array([-0.5, 0.5]), scale=scale))
    assert set(first) & set(second)


def test_title_is_not_in_the_drawing():
    named = Molecule.from_smiles("CCO </svg><script>alert(1)</script>")
    assert named.name
    assert "script" not in structure_svg(named, np.zeros(9))


def test_labels_are_written_on_the_atoms():
    water = Molecule.from_smiles("O")
    plain = structure_svg(water, np.array([-0.8, 0.4, 0.4]))
    for labels in ("charges", "numbers"):
        assert len(structure_svg(water, np.array([-0.8, 0.4, 0.4]), labels=labels)) > len(plain)


def test_marked_atoms_are_drawn_with_a_disc_hydrogens_too():
    ethanol = Molecule.from_smiles("CCO")
    assert discs(structure_svg(ethanol, hydrogens=False)) == []
    assert len(discs(structure_svg(ethanol, marked=[2], hydrogens=False))) == 1
    # The hydrogen of the hydroxyl group stays in a drawing that leaves the others out.
    assert len(discs(structure_svg(ethanol, marked=[2, 8], hydrogens=False))) == 2


def rings(svg: str) -> list[str]:
    return re.findall(r"<(?:ellipse|circle)[^>]*fill:none;stroke:#E59E00", svg)


def test_marked_atoms_beside_charges_get_a_ring_where_they_are_drawn():
    ethanol = Molecule.from_smiles("CCO")
    assert len(rings(structure_svg(ethanol, np.zeros(9), marked=[1, 2]))) == 2
    assert not rings(structure_svg(ethanol, np.zeros(9)))
    # A marked hydrogen stays in the drawing.
    assert len(rings(structure_svg(ethanol, np.zeros(9), marked=[8], hydrogens=False))) == 1


def test_dark_pages_get_no_ground_and_light_ink():
    ethanol = Molecule.from_smiles("CCO")
    light, dark = (structure_svg(ethanol, np.zeros(9), labels="numbers", dark=dark) for dark in (False, True))
    assert "<rect" in light
    assert "<rect" not in dark
    assert "#000000" in light
    assert "#000000" not in dark
    # Symbols are read on the discs: WCAG AA asks for 4.5.
    for charge in (-0.5, 0.0, 0.5):
        svg = structure_svg(Molecule.from_smiles("F"), np.full(2, charge), scale=ChargeScale(0.5), dark=True)
        assert all(contrast(disc, "#F4F4F4") > 4.5 for disc in discs(svg))


def contrast(first: str, second: str) -> float:
    """Of two colours, as WCAG defines it."""
    luminances = []
    for color in (first, second):
        parts = np.array([int(color[k : k + 2], 16) for k in (1, 3, 5)]) / 255
        linear = np.where(parts <= 0.04045, parts / 12.92, ((parts + 0.055) / 1.055) ** 2.4)
        luminances.append(float(linear @ [0.2126, 0.7152, 0.0722]))
    return (max(luminances) + 0.05) / (min(luminances) + 0.05)


def test_ends_and_middle_have_the_scale_s_colours():
    scale = ChargeScale(0.5)
    assert scale.rgb(-0.5) == NEGATIVE
    assert scale.rgb(0.0) == NEUTRAL
    assert scale.rgb(0.5) == POSITIVE
    assert scale.rgb(9.0) == POSITIVE


@pytest.mark.parametrize(("largest", "limit"), [(0.0, 0.1), (0.02, 0.1), (0.3, 0.3), (0.31, 0.4), (1.234, 1.3)])
def test_limit_is_rounded_up_to_a_tenth(largest, limit):
    assert ChargeScale.fitting(np.array([0.0, -largest])).limit == pytest.approx(limit)


def test_text_is_legible_on_its_colour():
    scale = ChargeScale(0.5)
    assert scale.text_hex(-0.5) == "#ffffff"
    assert scale.text_hex(0.5) == "#ffffff"
    assert scale.text_hex(0.0) == "#111111"


def test_no_atoms_give_the_smallest_scale():
    assert ChargeScale.fitting(np.array([])).limit == pytest.approx(0.1)
