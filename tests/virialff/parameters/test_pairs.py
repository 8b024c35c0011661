import numpy as np
import pandas as pd
import pytest

from virialff import load_model
from virialff.molecules.molecule import Molecule
from virialff.parameters.pairs import (
    atom_pair_curve,
    commonest_element_pairs,
    element_pair_label,
    interesting_pair,
    pair_parameter_summary,
)


@pytest.fixture(scope="module")
def propanol():
    return load_model().force_field(Molecule.from_smiles("CCCO"))


def table(rows):
    return pd.DataFrame(rows, columns=["i", "j", "element_i", "element_j", "relation", "sigma", "epsilon", "R_min"])


@pytest.mark.parametrize(
    ("first", "second", "label"), [("H", "C", "C–H"), ("O", "N", "N–O"), ("H", "H", "H–H"), ("Br", "Cl", "Cl–Br")]
)
def test_label_does_not_depend_on_the_order(first, second, label):
    assert element_pair_label(first, second) == label
    assert element_pair_label(second, first) == label


def test_commonest_pairs_come_first(propanol):
    ranked = commonest_element_pairs(propanol.pairs, 3)
    assert ranked == ["H–H", "C–H", "O–H"]


def test_summary_counts_undefined_sigma_apart():
    nan = float("nan")
    pairs = table(
        [
            (0, 1, "C", "C", "bonded", nan, nan, nan),
            (0, 2, "C", "H", "1-3", 3.0, 0.1, 3.4),
            (0, 3, "C", "H", "1-3", nan, 0.0, nan),
            (0, 4, "C", "H", "1-3", 2.0, 0.3, 2.2),
        ]
    )
    summary = pair_parameter_summary(pairs)
    assert list(summary["relation"]) == ["1-3"]
    row = summary.iloc[0]
    assert (row["pairs"], row["without sigma"]) == (3, 1)
    assert row["median sigma (Å)"] == pytest.approx(2.5)
    assert row["median epsilon (kcal/mol)"] == pytest.approx(0.1)


def test_interesting_pair_is_the_strongest_attraction_that_is_not_bonded():
    pairs = table(
        [
            (0, 1, "O", "H", "bonded", 1, 1, 1),
            (0, 2, "O", "H", "1-3", 1, 1, 1),
            (0, 3, "O", "H", "1-4", 1, 1, 1),
            (1, 3, "H", "H", "1-4", 1, 1, 1),
        ]
    )
    charges = np.array([-0.6, 0.5, 0.4, 0.2])
    assert interesting_pair(pairs, charges) == (0, 3)
    assert interesting_pair(pairs[:2], charges) == (0, 2)
    assert interesting_pair(pairs[:1], charges) == (0, 1)
    with pytest.raises(ValueError, match="no pairs"):
        interesting_pair(pairs[:0], charges)


def test_curve_of_two_atoms_is_what_they_add_to_the_energy(propanol):
    """At the distances of a geometry the curves of all pairs sum to the pair energy."""
    positions = np.random.default_rng(3).normal(size=(propanol.molecule.n_atoms, 3)) * 3
    total = 0.0
    for i in range(propanol.molecule.n_atoms):
        for j in range(i + 1, propanol.molecule.n_atoms):
            r = np.linalg.norm(positions[i] - positions[j])
            curve = atom_pair_curve(propanol, j, i, np.array([r]))
            total += curve["total"].iloc[0]
    assert total == pytest.approx(float(propanol.pair_energy(positions)), abs=1e-2, rel=1e-5)


def test_no_curve_for_an_atom_with_itself(propanol):
    with pytest.raises(KeyError):
        atom_pair_curve(propanol, 1, 1, np.array([2.0]))
