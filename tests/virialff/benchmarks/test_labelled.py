"""What is held out of the shipped labels, and methods side by side on it."""

import numpy as np
import pytest

from tests.small_training import small_store
from virialff.benchmarks.held_out import HeldOutSet, SplitRule, element_counts, read_held_out, run_held_out
from virialff.engines import get_engine
from virialff.engines.xtb import Gfn2Engine
from virialff.errors import ConfigError
from virialff.labels.splits import split_of
from virialff.models.registry import load_model

RULE = SplitRule(7, (0.5, 0.1, 0.4))


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    return small_store(tmp_path_factory.mktemp("labels") / "small.parquet", molecules=40, complexes=12)


@pytest.fixture(scope="module")
def held_out(store) -> HeldOutSet:
    return read_held_out(store, "GFN2-xTB", [RULE])


def test_only_what_every_rule_leaves_out_is_read(store, held_out):
    assert len(held_out.molecules) > 4
    assert len(held_out.training) > 4
    for molecule in held_out.molecules:
        assert split_of(molecule.inchikey, seed=7, fractions=RULE.fractions) == "test"
        assert molecule.forces.shape == molecule.molecule.positions.shape
        assert np.isfinite(molecule.energies).all()
    assert {m.inchikey for m in held_out.training}.isdisjoint(m.inchikey for m in held_out.molecules)
    assert all(m.minima.all() and len(m.energies) == 1 for m in held_out.training)
    other = SplitRule(8, RULE.fractions)
    both = read_held_out(store, "GFN2-xTB", [RULE, other])
    assert len(both.molecules) < len(held_out.molecules)
    for molecule in both.molecules:
        assert split_of(molecule.inchikey, seed=8, fractions=RULE.fractions) == "test"
    assert len(read_held_out(store, "GFN2-xTB", [RULE], max_molecules=2).molecules) == 2


def test_labels_of_another_level_are_missing(store):
    with pytest.raises(ConfigError, match=r"small\.parquet holds no labels of DFT"):
        read_held_out(store, "DFT", [RULE])


def test_errors_are_those_of_the_model(held_out):
    model = load_model("foundation-gfn2")
    result = run_held_out({"model": model}, held_out, {"same level": get_engine("gfn2")})
    assert result.methods == ("model",)
    first = held_out.molecules[0]
    expected = model.force_field(first.molecule).energy(first.molecule.positions)[first.minima]
    rows = result.energies[result.energies["molecule"] == 1]
    np.testing.assert_allclose(rows["model"], expected)
    np.testing.assert_allclose(rows["reference"], first.energies[first.minima])
    statistics = {(row["quantity"], row["sizes"]): row for row in result.statistics.to_dict("records")}
    total = statistics["total energy (kcal/mol)", "all"]
    errors = result.energies["model"] - result.energies["reference"]
    assert total["mae"] == pytest.approx(errors.abs().mean())
    per_atom = statistics["total energy per atom (kcal/mol)", "all"]
    assert per_atom["mae"] == pytest.approx((errors / result.energies["n_atoms"]).abs().mean())
    assert ("force component (kcal/mol/Angstrom)", "all") in statistics
    assert ("interaction energy of complexes (kcal/mol)", "all") in statistics
    heavy = result.energies["n_heavy"]
    small = statistics["total energy (kcal/mol)", "1 to 6 heavy atoms"]
    assert small["n_values"] == heavy.between(1, 6).sum()


class AnotherZero(Gfn2Engine):
    """GFN2-xTB with a constant an element added: the same energies but for their zero, at another level."""

    level = "shifted"

    def energy_and_forces(self, molecule, positions, *, progress=None):
        energies, forces = super().energy_and_forces(molecule, positions)
        return energies + 1000.0 * element_counts(molecule) @ np.arange(9), forces

    def energy(self, molecule, positions, *, progress=None):
        return self.energy_and_forces(molecule, positions)[0]


def test_other_zeros_are_shifted_away_with_enough_training_molecules(held_out):
    result = run_held_out({}, held_out, {"shifted": AnotherZero()})
    assert result.shifts == {"shifted": len(held_out.training)}
    assert not result.reasons
    # What is left is that the shipped labels keep positions to 0.001 Angstrom.
    assert (result.energies["shifted"] - result.energies["reference"]).abs().max() < 1.0

    few = HeldOutSet(held_out.level_of_theory, held_out.molecules[:2], (), held_out.training[:2], 10)
    result = run_held_out({}, few, {"shifted": AnotherZero()})
    assert result.energies["shifted"].isna().all()
    assert "2 training molecules are too few" in result.reasons["shifted", 0]
