"""Lennard-Jones parameters of OpenMM's files and of OpenFF."""

import builtins

import numpy as np
import pytest

from virialff.errors import EngineError
from virialff.molecules.molecule import Molecule
from virialff.parameters import openff
from virialff.parameters.classical import FILES, atom_types, openff_pair, pair_range


def test_published_values_of_well_known_types():
    """ff14SB: CT has R_min/2 1.9080 A and epsilon 0.1094 kcal/mol; CHARMM36: HA has R_min/2 1.32 A and 0.022."""
    amber = {entry.name: entry for entry in atom_types("Amber ff14SB")}
    carbon = amber["protein-CT"]
    assert carbon.element == "C"
    assert carbon.epsilon == pytest.approx(0.1094, abs=1e-6)
    assert carbon.sigma * 2 ** (1 / 6) / 2 == pytest.approx(1.9080, abs=1e-4)
    charmm = {entry.name: entry for entry in atom_types("CHARMM36")}
    assert charmm["HA"].epsilon == pytest.approx(0.022, abs=1e-6)
    assert charmm["HA"].sigma * 2 ** (1 / 6) / 2 == pytest.approx(1.32, abs=1e-4)


@pytest.mark.parametrize("name", FILES)
def test_every_type_has_a_well_and_plausible_units(name):
    types = atom_types(name)
    assert len(types) > 20
    assert all(0 < entry.epsilon < 2 and 0.3 < entry.sigma < 5 for entry in types)


def test_elements_that_a_force_field_lacks():
    assert {entry.element for entry in atom_types("Amber ff14SB")} == {"H", "C", "N", "O", "S"}
    assert {entry.element for entry in atom_types("CHARMM36")} == {"H", "C", "N", "O", "F", "P", "S", "Cl", "Br"}
    assert pair_range("Amber ff14SB", "C", "Br", "sigma") is None


def test_pairs_are_combined_by_mean_and_root_of_product():
    whole = pair_range("Amber ff14SB", "C", "O", "sigma")
    carbon = [entry for entry in atom_types("Amber ff14SB") if entry.element == "C"]
    oxygen = [entry for entry in atom_types("Amber ff14SB") if entry.element == "O"]
    assert whole.highest == pytest.approx(
        (max(entry.sigma for entry in carbon) + max(entry.sigma for entry in oxygen)) / 2
    )
    depth = pair_range("Amber ff14SB", "C", "O", "epsilon")
    assert depth.lowest == pytest.approx(
        np.sqrt(min(entry.epsilon for entry in carbon) * min(entry.epsilon for entry in oxygen))
    )
    assert whole.lowest <= whole.median <= whole.highest
    swapped = pair_range("Amber ff14SB", "O", "C", "R_min")
    assert swapped.highest == pytest.approx(2 ** (1 / 6) * whole.highest)


def test_without_openmm_it_is_a_sentence(monkeypatch):
    atom_types.cache_clear()
    real = builtins.__import__

    def refuse(name, *arguments, **options):
        if name.partition(".")[0] == "openmm":
            raise ImportError(name)
        return real(name, *arguments, **options)

    monkeypatch.setattr(builtins, "__import__", refuse)
    with pytest.raises(EngineError, match="install openmm"):
        atom_types("Amber ff14SB")


@pytest.mark.parametrize(
    ("smiles", "types"),
    [
        # The last entry that matches counts: X-H carbon beside oxygen, hydroxyl, and the rest.
        ("CCO", ["n16", "n16", "n19", "n2", "n2", "n2", "n3", "n3", "n12"]),
        ("c1ccccc1", ["n14"] * 6 + ["n7"] * 6),
        ("C#N", ["n15", "n20", "n10"]),
        ("C(=O)O", ["n14", "n17", "n19", "n9", "n12"]),
        ("ClC(Cl)Cl", ["n24", "n16", "n24", "n24", "n5"]),
        ("COC", ["n16", "n18", "n16"] + ["n3"] * 6),
        ("O", ["n-tip3p-O", "n-tip3p-H", "n-tip3p-H"]),
        ("CS", ["n16", "n21", "n3", "n3", "n3", "n13"]),
        ("FP", ["n23", "n22", "n1", "n1"]),
        ("NBr", ["n20", "n25", "n11", "n11"]),
    ],
)
def test_openff_gives_types_by_the_last_smarts_that_matches(smiles, types):
    mol = Molecule.from_smiles(smiles).to_rdkit()
    assert [openff.TYPES[place].name for place in openff.assigned(mol)] == types


def test_openff_has_its_published_values_and_combines_them():
    """openff-2.2.1.offxml: n16 has R_min/2 1.896698071741 A and 0.1088406109251 kcal/mol."""
    types = {entry.name: entry for entry in atom_types(openff.NAME)}
    assert types["n16"].sigma * 2 ** (1 / 6) / 2 == pytest.approx(1.896698071741, abs=1e-12)
    assert types["n-tip3p-O"].sigma == pytest.approx(3.1507)
    assert {entry.element for entry in types.values()} == {"H", "C", "N", "O", "F", "P", "S", "Cl", "Br"}
    assert not {"n32", "n33", "n34", "n-tip3p-H"} & set(types)
    first, second, sigma, epsilon = openff_pair(Molecule.from_smiles("CCO").to_rdkit(), 0, 2)
    assert (first, second) == ("n16", "n19")
    assert sigma == pytest.approx((1.896698071741 + 1.682099169199) / 2 ** (1 / 6))
    assert epsilon == pytest.approx((0.1088406109251 * 0.2094735324129) ** 0.5)
    whole = pair_range(openff.NAME, "C", "O", "sigma")
    assert whole.lowest == sigma < whole.highest
