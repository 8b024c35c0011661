"""Minima and barriers along a scan."""

import numpy as np
import pytest

from virialff.conformers.generation import generate
from virialff.conformers.scans import scan
from virialff.methods.comparison import compare_methods
from virialff.methods.method import get_method
from virialff.methods.scan_extrema import extrema, extrema_table
from virialff.molecules.molecule import Molecule


def threefold(angles: np.ndarray) -> np.ndarray:
    return 1.5 * (1 + np.cos(np.radians(3 * (angles - 7.0)))) + 0.4 * (1 - np.cos(np.radians(angles - 67.0)))


@pytest.mark.parametrize("first", [-180.0, -172.0, 3.0])
@pytest.mark.parametrize("closing", [False, True])
def test_a_torsion_all_the_way_round_has_each_minimum_once(first: float, closing: bool) -> None:
    angles = np.linspace(first, first + 360.0, 37)[: None if closing else -1]
    found = extrema(angles, threefold(angles), 360.0)
    assert [one.kind for one in found].count("minimum") == [one.kind for one in found].count("maximum") == 3
    fine = np.linspace(0, 360, 36001)
    lowest = min(found, key=lambda one: one.energy)
    assert lowest.value % 360 == pytest.approx(fine[threefold(fine).argmin()], abs=0.5)
    assert lowest.energy == pytest.approx(threefold(fine).min(), abs=0.01)
    assert max(one.energy for one in found) == pytest.approx(threefold(fine).max(), abs=0.05)


def test_a_part_of_a_turn_has_no_extrema_at_its_ends() -> None:
    angles = np.linspace(20.0, 100.0, 17)
    assert [one.kind for one in extrema(angles, threefold(angles), 360.0)] == ["minimum"]
    assert extrema([1.0, 2.0, 3.0], [3.0, 2.0, 1.0]) == []
    assert extrema([1.0, 2.0], [1.0, 2.0]) == []


def test_the_order_of_points_and_missing_ones_do_not_matter() -> None:
    distances = np.linspace(0.9, 3.0, 22)
    energies = 100 * (1 - np.exp(-1.9 * (distances - 1.41))) ** 2
    shuffled = np.random.default_rng(1).permutation(22)
    for x, y in ((distances, energies), (distances[shuffled], energies[shuffled])):
        (minimum,) = extrema(x, y)
        assert minimum.value == pytest.approx(1.41, abs=0.02)
    energies[1] = np.nan
    assert len(extrema(distances, energies)) == 1


def test_ripples_are_no_barriers() -> None:
    x = np.linspace(-3, 3, 61)
    y = x**2 + 0.01 * np.cos(40 * x)
    assert [one.kind for one in extrema(x, y)] == ["minimum"]


def test_butane_by_two_methods() -> None:
    butane = generate(Molecule.from_smiles("CCCC"), 1)
    turned = scan(butane, (0, 1, 2, 3), np.arange(-180.0, 180.0, 15.0))
    table = extrema_table(
        turned, compare_methods(turned.molecule, {name: get_method(name) for name in ("gfn2", "model")})
    )
    assert list(table["method"].unique()) == ["gfn2", "model"]
    for _, rows in table.groupby("method"):
        assert list(rows["kind"]).count("minimum") == 3
        highest = rows.sort_values("energy (kcal/mol)").iloc[-1]
        assert highest["torsion C1-C2-C3-C4 (degree)"] == pytest.approx(0.0, abs=4.0)
        assert 4.0 < highest["above before (kcal/mol)"] < 10.0
        assert np.isfinite(rows["above after (kcal/mol)"]).all()
