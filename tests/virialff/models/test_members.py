"""The spread over members, against the members' own force fields."""

import numpy as np
import pytest

from tests.virialff.sample_models import make_ensemble, make_model
from virialff.conformers.generation import generate
from virialff.errors import CheckpointError, MissingCoordinatesError
from virialff.models.force_field import Model
from virialff.models.members import charge_spread, charge_spreads, energy_spread, pair_spread
from virialff.models.registry import load_model
from virialff.molecules.molecule import Molecule


@pytest.fixture(scope="module")
def ensemble(tmp_path_factory) -> Model:
    return load_model(make_ensemble(tmp_path_factory.mktemp("ensemble") / "model"))


@pytest.fixture(scope="module")
def molecule() -> Molecule:
    return generate(Molecule.from_smiles("OCCCN"), n_conformers=4, seed=2)


def all_fields(model: Model, molecule: Molecule):
    return [part.force_field(molecule) for part in (model, *model.members)]


def test_the_spread_of_charges_is_the_standard_deviation_over_all_members(ensemble, molecule):
    assert len(ensemble.members) == 2
    found = charge_spread(ensemble, molecule)
    charges = np.array([field.charges for field in all_fields(ensemble, molecule)])
    assert found.n_models == 3
    np.testing.assert_array_equal(found.charges, ensemble.force_field(molecule).charges)
    mean = charges.mean(axis=0)
    np.testing.assert_allclose(found.spread, np.sqrt(((charges - mean) ** 2).sum(axis=0) / 2), atol=1e-12)
    assert found.spread.max() > 1e-3


def test_the_spread_of_pair_parameters(ensemble, molecule):
    pairs = pair_spread(ensemble, molecule)
    assert pairs is not None
    tables = [field.pairs for field in all_fields(ensemble, molecule)]
    assert pairs.n_models == 3
    bonded = (tables[0]["relation"] == "bonded").to_numpy()
    for name in ("sigma", "epsilon", "R_min"):
        values = np.array([table[name].to_numpy() for table in tables])
        np.testing.assert_allclose(getattr(pairs, name), np.std(values, axis=0, ddof=1), rtol=1e-6)
        assert np.isnan(getattr(pairs, name)[bonded]).all()
        assert np.nanmax(getattr(pairs, name)) > 0
    assert pair_spread(ensemble.members[0], molecule) is None
    known = pair_spread(ensemble, molecule, ensemble.force_field(molecule))
    np.testing.assert_array_equal(known.epsilon, pairs.epsilon)


def test_the_spread_of_energies_and_ranks(ensemble, molecule):
    found = energy_spread(ensemble, molecule)
    energies = np.array([field.energy(molecule.positions) for field in all_fields(ensemble, molecule)])
    lowest = energies[0].argmin()
    np.testing.assert_allclose(found.total, energies.std(axis=0, ddof=1), rtol=1e-6)
    relative = energies - energies[:, [lowest]]
    np.testing.assert_allclose(found.relative, relative.std(axis=0, ddof=1), rtol=1e-6, atol=1e-9)
    assert found.relative[lowest] == 0.0
    ranks = energies.argsort(axis=1).argsort(axis=1) + 1
    np.testing.assert_allclose(found.rank, ranks.std(axis=0, ddof=1))
    assert found.interaction is None


def test_the_spread_of_interaction_energies(ensemble):
    water = generate(Molecule.from_smiles("O"), n_conformers=1)
    pair = Molecule.join(water, water.with_positions(water.positions + np.array([0.0, 0.0, 2.9])))
    found = energy_spread(ensemble, pair, pair.positions[0])
    assert found is not None
    assert found.interaction is not None
    energies = [field.interaction_energy(pair.positions) for field in all_fields(ensemble, pair)]
    np.testing.assert_allclose(found.interaction, np.std(energies, axis=0, ddof=1), rtol=1e-6)
    assert found.total.shape == (1,)


def test_a_model_without_members_has_no_spread(molecule, tmp_path):
    alone = load_model(make_model(tmp_path / "model"))
    assert alone.members == ()
    assert charge_spread(alone, molecule) is None
    assert energy_spread(alone, molecule) is None


def test_a_molecule_without_conformers_has_no_energies(ensemble):
    with pytest.raises(MissingCoordinatesError):
        energy_spread(ensemble, Molecule.from_smiles("CO"))


def test_a_damaged_member_shows_when_it_is_needed(tmp_path, molecule):
    folder = make_ensemble(tmp_path / "model", 1)
    (folder / "member-1.safetensors").write_bytes(b"nothing")
    model = load_model(folder)
    assert model.force_field(molecule).charges.shape == (molecule.n_atoms,)
    with pytest.raises(CheckpointError, match=r"member-1\.safetensors is damaged"):
        charge_spread(model, molecule)


def test_rare_atoms_follow_the_card(ensemble):
    ethanol = Molecule.from_smiles("CCO")
    ensemble.card["environments"] = {"H(-C)": 50, "C(-C,-H,-H,-H)": 20, "C(-C,-H,-H,-O)": 9, "O(-C,-H)": 3}
    assert ensemble.rare_atoms(ethanol).mask.tolist() == [False, False, True, *[False] * 5, True]
    del ensemble.card["environments"]
    assert ensemble.rare_atoms(ethanol) is None


def test_spreads_of_several_molecules_are_those_one_by_one(ensemble):
    molecules = [Molecule.from_smiles(smiles) for smiles in ("CCO", "c1ccccc1N", "O")]
    found = charge_spreads(ensemble, molecules)
    assert found is not None
    for molecule, spread in zip(molecules, found, strict=True):
        alone = charge_spread(ensemble, molecule)
        np.testing.assert_allclose(spread.charges, alone.charges, atol=1e-6)
        np.testing.assert_allclose(spread.spread, alone.spread, atol=1e-6)
