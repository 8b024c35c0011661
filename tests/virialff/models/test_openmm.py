"""Systems of OpenMM have the energies and forces of the library: molecules, complexes, clusters and periodic boxes."""

import numpy as np
import openmm
import pytest
from openmm import unit
from scipy.integrate import quad

from virialff import load_model
from virialff.conformers.generation import generate
from virialff.errors import EngineError, ShapeError
from virialff.models.openmm import BETWEEN, COULOMB, SWITCH, WITHIN, between_energies, box_system, topology, type_tables
from virialff.molecules.molecule import Molecule
from virialff.molecules.placement import on_grid
from virialff.units import KCAL_IN_KJ

SMILES = ("CCO", "O", "CS(=O)(=O)N", "FC(F)(Cl)Br", "CP", "C1CC1C(=O)O", "c1ccncc1", "OO")
PER_ANGSTROM = KCAL_IN_KJ * 10


def state(system, positions, platform="Reference", groups=-1):
    """Energy in kcal/mol and forces in kcal/mol/Angstrom of one geometry (n_atoms, 3), Angstrom."""
    integrator = openmm.VerletIntegrator(0.001)
    context = openmm.Context(system, integrator, openmm.Platform.getPlatformByName(platform))
    context.setPositions(np.asarray(positions) / 10)
    found = context.getState(getEnergy=True, getForces=True, groups=groups)
    energy = found.getPotentialEnergy().value_in_unit(unit.kilojoules_per_mole) / KCAL_IN_KJ
    forces = found.getForces(asNumpy=True).value_in_unit(unit.kilojoules_per_mole / unit.nanometer) / PER_ANGSTROM
    return energy, forces


@pytest.fixture(scope="module")
def molecules():
    return [generate(Molecule.from_smiles(smiles), 1) for smiles in SMILES]


@pytest.fixture(scope="module")
def liquid(molecules):
    """Three waters, two ethanols and a pyridine in a cluster: species, counts, positions and edge."""
    species = [molecules[SMILES.index(smiles)] for smiles in ("O", "CCO", "c1ccncc1")]
    counts = (3, 2, 1)
    positions, _ = on_grid([part.positions[0] for part in species], counts, spacing=5.5, seed=2)
    return species, counts, positions


def test_a_molecule_has_its_energy_and_forces(molecules):
    model = load_model()
    for molecule in molecules:
        force_field = model.force_field(molecule)
        system = openmm.XmlSerializer.deserialize(openmm.XmlSerializer.serialize(force_field.to_openmm()))
        positions = molecule.positions[0]
        expected = force_field.energy_and_forces(positions)
        for platform, tolerance in (("Reference", 1e-6), ("CPU", 1e-3)):
            energy, forces = state(system, positions, platform)
            assert energy == pytest.approx(float(expected[0]) - force_field.baseline, abs=tolerance)
            np.testing.assert_allclose(forces, expected[1], atol=tolerance)


def test_rows_of_both_orders_and_a_limit_of_distance(liquid):
    """The preset `paper` has half a row for each order of two atoms, and no pairs beyond 10 Angstrom."""
    species, _, _ = liquid
    pair = Molecule.join(species[0], species[1])
    positions = pair.positions[0].copy()
    positions[species[0].n_atoms :] += (0.0, 0.0, 9.5)
    force_field = load_model("paper").force_field(pair)
    energy, forces = state(force_field.to_openmm(), positions)
    assert energy == pytest.approx(float(force_field.pair_energy(positions)), abs=1e-6)
    np.testing.assert_allclose(forces, force_field.forces(positions), atol=1e-6)
    with pytest.raises(EngineError, match="the coefficients of the model paper depend on the order"):
        box_system(load_model("paper"), species, (1, 1, 1))


def test_a_cluster_of_several_species_is_the_complex_of_all(liquid):
    species, counts, positions = liquid
    everything = [part.without_positions() for part, count in zip(species, counts, strict=True) for _ in range(count)]
    force_field = load_model().force_field(Molecule.join(*everything))
    system = box_system(load_model(), species, counts)
    assert system.getNumParticles() == topology(species, counts).getNumAtoms() == len(positions)
    expected = force_field.energy_and_forces(positions)
    for platform, tolerance in (("Reference", 1e-6), ("CPU", 1e-3)):
        energy, forces = state(system, positions, platform)
        assert energy == pytest.approx(float(expected[0]) - force_field.baseline, abs=tolerance)
        np.testing.assert_allclose(forces, expected[1], atol=10 * tolerance)
    between, _ = state(system, positions, groups={BETWEEN, COULOMB})
    of_pairs = force_field.decompose(positions).by_pair
    assert between == pytest.approx(of_pairs[force_field.pairs["relation"] == "intermolecular"].sum(), abs=1e-6)


def test_a_periodic_box_sums_nearest_images_up_to_the_cutoff(liquid):
    species, counts, positions = liquid
    model, edge, cutoff = load_model(), 13.0, 6.5
    system = box_system(model, species, counts, edge, cutoff=cutoff)
    system.getForce(3).setForceGroup(3)
    energy, _ = state(system, positions, groups={BETWEEN})
    sizes = [part.n_atoms for part in species]
    types = np.concatenate(
        [np.tile(first + np.arange(n), count) for first, n, count in zip((0, 3, 12), sizes, counts, strict=True)]
    )
    owner = np.repeat(np.arange(6), np.repeat(sizes, counts))
    i, j = np.triu_indices(len(types), k=1)
    i, j = i[owner[i] != owner[j]], j[owner[i] != owner[j]]
    apart = positions[i] - positions[j]
    r = np.linalg.norm(apart - edge * np.round(apart / edge), axis=1)
    i, j, r = i[r < cutoff], j[r < cutoff], r[r < cutoff]
    rows = type_tables(model, [part.without_positions() for part in species])[types[i], types[j]]
    terms = between_energies(rows, r)
    x = np.clip((r - (cutoff - SWITCH)) / SWITCH, 0, 1)
    assert energy == pytest.approx(float((terms * (1 - 10 * x**3 + 15 * x**4 - 6 * x**5)).sum()), abs=1e-6)

    # Beyond the switch: the integral for a uniform liquid.
    counted = np.bincount(types)
    tables = type_tables(model, [part.without_positions() for part in species])

    def beyond(distance):
        x = np.clip((distance - (cutoff - SWITCH)) / SWITCH, 0, 1)
        energies = counted @ between_energies(tables, distance) @ counted / 2
        return 4 * np.pi * distance**2 * energies * (10 * x**3 - 15 * x**4 + 6 * x**5)

    expected = (quad(beyond, cutoff - SWITCH, cutoff)[0] + quad(beyond, cutoff, np.inf)[0]) / edge**3
    assert state(system, positions, groups={3})[0] == pytest.approx(expected, rel=1e-6)
    # A wide box leaves the molecules alone: PME comes to the sum over pairs.
    wide = box_system(model, species, counts, 60.0)
    open_ended = box_system(model, species, counts)
    assert state(wide, positions, groups={COULOMB})[0] == pytest.approx(
        state(open_ended, positions, groups={COULOMB})[0], abs=2e-2
    )
    assert state(wide, positions, groups={WITHIN})[0] == pytest.approx(
        state(open_ended, positions, groups={WITHIN})[0], abs=1e-9
    )


def test_a_box_comes_back_from_xml_and_moves(liquid):
    species, counts, positions = liquid
    system = box_system(load_model(), species, counts, 22.0, cutoff=6.0)
    again = openmm.XmlSerializer.deserialize(openmm.XmlSerializer.serialize(system))
    assert state(again, positions)[0] == pytest.approx(state(system, positions)[0], abs=1e-9)
    again.addForce(openmm.MonteCarloBarostat(1.0, 300.0, 5))
    integrator = openmm.LangevinMiddleIntegrator(300, 1.0, 0.0005)
    integrator.setRandomNumberSeed(1)
    context = openmm.Context(again, integrator, openmm.Platform.getPlatformByName("CPU"))
    context.setPositions(positions / 10)
    openmm.LocalEnergyMinimizer.minimize(context, maxIterations=10)
    context.setVelocitiesToTemperature(300, 1)
    # OpenMM takes molecules from the pairs within them, so that the barostat moves whole ones.
    assert len(context.getMolecules()) == sum(counts)
    integrator.step(20)
    assert np.isfinite(context.getState(getEnergy=True).getPotentialEnergy()._value)


def test_what_does_not_fit_is_refused(liquid):
    species, counts, _ = liquid
    with pytest.raises(ShapeError, match="cutoff of 10 Angstrom is more than half the edge"):
        box_system(load_model(), species, counts, 15.0)
    with pytest.raises(ShapeError, match="3 molecules need as many counts"):
        box_system(load_model(), species, (1, 2))
