"""Systems of OpenMM: one molecule or complex in free space, or many molecules of several species in a periodic box.

The energy of a System is the pair energy; the baseline, which no motion changes, is left out, as it would cost the
digits of single precision. Pairs within a molecule (bonded, 1-3 and beyond) are one CustomBondForce without any limit
of distance. In a box the pairs between molecules are a CustomNonbondedForce, whose coefficients are tables by the types
of both atoms, cut off with a switch, and a NonbondedForce that has the charges alone. As embeddings of atoms follow
from the bonds of their own molecule, these coefficients are those of the complex of the two molecules: nothing is
approximated but what lies beyond the cutoff.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from virialff.errors import EngineError, ShapeError
from virialff.molecules.molecule import Molecule
from virialff.molecules.topology import RELATIONS
from virialff.potential.gaussians import CENTRES, N_GAUSSIANS, WIDTH_FLOOR
from virialff.units import ANGSTROM_IN_NM, COULOMB_CONSTANT, KCAL_IN_KJ

if TYPE_CHECKING:
    from openmm import CustomBondForce, System
    from openmm.app import Topology

    from virialff.models.force_field import ForceField, Model

#: Angstrom; between CUTOFF - SWITCH and CUTOFF a polynomial takes the terms between molecules to zero.
CUTOFF, SWITCH = 10.0, 1.0
#: Force groups of a box.
WITHIN, BETWEEN, COULOMB = range(3)
#: Relative error of the forces of PME, by which its grid is chosen.
EWALD_TOLERANCE = 1e-4

# OpenMM's own constant in kJ nm/(mol e^2) differs from ours in the eighth digit.
_OPENMM_COULOMB = 138.93545764438198
_CHARGE_SCALE = float(np.sqrt(COULOMB_CONSTANT * KCAL_IN_KJ * ANGSTROM_IN_NM / _OPENMM_COULOMB))
_GAUSSIANS = " + ".join(f"a{k}*exp(-e{k}*(R-{centre!r})^2)" for k, centre in enumerate(CENTRES, start=1))
# Names of the coefficients of a pair in the expressions: |C_0|, |C_1|, and amplitude and exponent of each Gaussian.
_NAMES = ("d", "c", *(name for k in range(1, N_GAUSSIANS + 1) for name in (f"a{k}", f"e{k}")))
_DISTANCE = f"R = r/{ANGSTROM_IN_NM!r}"


def molecule_system(force_field: ForceField) -> System:
    """The System of one molecule or complex in free space.

    Parameters
    ----------
    force_field : ForceField
        Of any model. Every row of its pairs is a bond of a CustomBondForce with the coefficients in Angstrom and
        kcal/mol; the expression gives kJ/mol.

    Returns
    -------
    openmm.System
        With masses; its energy is `ForceField.pair_energy`.

    Raises
    ------
    EngineError
        If OpenMM is not installed.
    """
    openmm = _openmm()
    system = openmm.System()
    _add_masses(system, force_field.molecule)
    system.addForce(pair_force(force_field, range(force_field.molecule.n_atoms)))
    return system


def box_system(
    model: Model,
    molecules: Sequence[Molecule],
    counts: Sequence[int],
    edge: float | None = None,
    *,
    cutoff: float = CUTOFF,
    grouped: bool = True,
) -> System:
    """The System of many molecules: all copies of the first species, then those of the second, and so on.

    Parameters
    ----------
    model : Model
        With one set of coefficients for a pair of atoms, whatever their order, and no limit of distance.
    molecules : sequence of Molecule
        The species; coordinates are not used.
    counts : sequence of int
        How many of each.
    edge : float, optional
        Of the periodic cubic box, Angstrom. Without it the molecules are in free space and nothing is cut off.
    cutoff : float, optional
        Angstrom, at most half the edge. Dispersion, repulsion and Gaussians between molecules go to zero within the
        last Angstrom before it; what lies beyond is a correction of the energy for a uniform liquid. Coulomb terms are
        summed by particle-mesh Ewald.
    grouped : bool
        Whether the pairs between molecules are an interaction group of all atoms with all. OpenMM's CPU platform goes
        through those pair by pair, without a list of neighbours, and looks up tables 26 times as fast so for 100
        waters. False for GPUs and large boxes.

    Returns
    -------
    openmm.System
        Its forces are in the groups WITHIN, BETWEEN and COULOMB. Molecules have to be whole: their own pairs are not
        wrapped.

    Raises
    ------
    EngineError
        If OpenMM is not installed, or the model has coefficients that depend on the order of atoms or the distance.
    ShapeError
        If counts and molecules do not fit each other, or the cutoff not the box.
    UnsupportedElementError
        If the model was not trained on an element.
    """
    openmm = _openmm()
    counts = _checked(molecules, counts)
    if edge is not None and 2 * cutoff > edge:
        raise ShapeError(
            f"the cutoff of {cutoff:g} Angstrom is more than half the edge of the box ({edge:g} Angstrom); "
            "take more molecules or a shorter cutoff"
        )
    species = [molecule.without_positions() for molecule in molecules]
    force_fields = model.force_fields(species)
    if any(part.parameters.weight != 1.0 or part.parameters.threshold is not None for part in force_fields):
        raise EngineError(
            f"the coefficients of the model {model.name} depend on the order of atoms or end at a distance, which has "
            "no form in a box of OpenMM; take another model, or the System of one complex"
        )
    system = openmm.System()
    tables = type_tables(model, species)
    within, between, coulomb = _bond_force(force_fields[0]), _between_force(tables), openmm.NonbondedForce()
    forces = [(WITHIN, within), (BETWEEN, between), (COULOMB, coulomb)]
    first = first_type = 0
    for force_field, count in zip(force_fields, counts, strict=True):
        n_atoms = force_field.molecule.n_atoms
        pairs = np.transpose(np.triu_indices(n_atoms, k=1))
        for _ in range(count):
            _add_masses(system, force_field.molecule)
            _add_rows(within, force_field, np.arange(first, first + n_atoms))
            for atom, charge in enumerate(force_field.charges):
                between.addParticle([first_type + atom])
                coulomb.addParticle(_CHARGE_SCALE * float(charge), 1.0, 0.0)
            for i, j in (pairs + first).tolist():
                between.addExclusion(i, j)
                coulomb.addException(i, j, 0.0, 1.0, 0.0)
            first += n_atoms
        first_type += n_atoms
    if grouped:
        between.addInteractionGroup(range(first), range(first))
    coulomb.setUseDispersionCorrection(False)
    if edge is None:
        between.setNonbondedMethod(openmm.CustomNonbondedForce.NoCutoff)
        coulomb.setNonbondedMethod(openmm.NonbondedForce.NoCutoff)
    else:
        length, limit = edge * ANGSTROM_IN_NM, cutoff * ANGSTROM_IN_NM
        system.setDefaultPeriodicBoxVectors((length, 0, 0), (0, length, 0), (0, 0, length))
        between.setNonbondedMethod(openmm.CustomNonbondedForce.CutoffPeriodic)
        between.setUseSwitchingFunction(True)
        between.setSwitchingDistance((cutoff - SWITCH) * ANGSTROM_IN_NM)
        coulomb.setNonbondedMethod(openmm.NonbondedForce.PME)
        coulomb.setEwaldErrorTolerance(EWALD_TOLERANCE)
        between.setCutoffDistance(limit)
        coulomb.setCutoffDistance(limit)
        forces.append((BETWEEN, _correction(tables, np.repeat(counts, [part.n_atoms for part in species]), cutoff)))
    for group, force in forces:
        force.setForceGroup(group)
        system.addForce(force)
    return system


def topology(molecules: Sequence[Molecule], counts: Sequence[int], edge: float | None = None) -> Topology:
    """The Topology of the same molecules in the same order, for files and reporters; a residue a molecule.

    Raises ShapeError if counts and molecules do not fit each other, EngineError without OpenMM.
    """
    _openmm()
    from openmm import Vec3, app, unit

    found = app.Topology()
    chain = found.addChain()
    for number, (molecule, count) in enumerate(zip(molecules, _checked(molecules, counts), strict=True), start=1):
        for _ in range(count):
            residue = found.addResidue(f"M{number:02d}"[-3:], chain)
            atoms = [
                found.addAtom(f"{symbol}{atom + 1}", app.Element.getBySymbol(symbol), residue)
                for atom, symbol in enumerate(molecule.symbols)
            ]
            for i, j in molecule.bonds:
                found.addBond(atoms[i], atoms[j])
    if edge is not None:
        found.setUnitCellDimensions(Vec3(edge, edge, edge) * unit.angstrom)
    return found


def _openmm():  # type: ignore[no-untyped-def]  # openmm has no types
    try:
        import openmm
    except ImportError as error:
        raise EngineError("this needs OpenMM, which is not installed here; install openmm") from error
    return openmm


def _checked(molecules: Sequence[Molecule], counts: Sequence[int]) -> list[int]:
    if len(counts) != len(molecules) or not molecules or any(count < 1 for count in counts):
        raise ShapeError(f"{len(molecules)} molecules need as many counts of 1 or more, and {list(counts)} was given")
    return [int(count) for count in counts]


def _add_masses(system: System, molecule: Molecule) -> None:
    from openmm import app

    for number in molecule.numbers:
        system.addParticle(app.Element.getByAtomicNumber(int(number)).mass)


def _bond_force(force_field: ForceField) -> CustomBondForce:
    limit = "" if force_field.parameters.threshold is None else "step(limit - R)*"
    force = _openmm().CustomBondForce(
        f"{KCAL_IN_KJ!r}*{limit}(q/R - d/R^6 + c/R^12 + {_GAUSSIANS}); {_DISTANCE}",
    )
    for name in ("q", *_NAMES, *(["limit"] if limit else [])):
        force.addPerBondParameter(name)
    return force


def pair_force(force_field: ForceField, particles: Sequence[int]) -> CustomBondForce:
    """The force of one molecule or complex in free space for a System of the caller's.

    Parameters
    ----------
    force_field : ForceField
    particles : sequence of int, length n_atoms
        The particle of the System that each atom is.

    Returns
    -------
    openmm.CustomBondForce
    """
    force = _bond_force(force_field)
    _add_rows(force, force_field, np.asarray(particles))
    return force


def _add_rows(force: CustomBondForce, force_field: ForceField, particles: np.ndarray) -> None:
    """Add the pairs of a molecule whose atoms are these particles."""
    parameters = force_field.parameters
    i, j = parameters.pair_index.cpu().numpy()
    bonded = parameters.bonded.cpu().numpy()
    charges = force_field.charges
    rows = np.empty((len(i), 1 + len(_NAMES)))
    rows[:, 0] = COULOMB_CONSTANT * charges[i] * charges[j]
    rows[:, 1:] = _coefficients(force_field)
    rows[bonded, :3] = 0.0
    rows[:, [0, 1, 2, *range(3, rows.shape[1], 2)]] *= parameters.weight
    if parameters.threshold is not None:
        rows = np.column_stack([rows, np.where(bonded, 1e9, parameters.threshold)])
    for a, b, values in zip(particles[i].tolist(), particles[j].tolist(), rows.tolist(), strict=True):
        force.addBond(a, b, values)


def _coefficients(force_field: ForceField) -> np.ndarray:
    """(n_rows, 14) in the order of _NAMES, Angstrom and kcal/mol."""
    values = force_field.parameters.coefficients.double().cpu().numpy().copy()
    values[:, :2] = np.abs(values[:, :2])
    values[:, 3::2] = 1.0 / (values[:, 3::2] ** 2 + WIDTH_FLOOR)
    return values


def _between_force(tables: np.ndarray):  # type: ignore[no-untyped-def]
    """The CustomNonbondedForce without particles: an atom of a species is a type."""
    openmm = _openmm()
    lookups = "; ".join(f"{name} = {name}_of(type1, type2)" for name in _NAMES)
    force = openmm.CustomNonbondedForce(
        f"{KCAL_IN_KJ!r}*(c/R^12 - d/R^6 + {_GAUSSIANS}); {_DISTANCE}; {lookups}",
    )
    force.addPerParticleParameter("type")
    n_types = len(tables)
    for column, name in enumerate(_NAMES):
        values = tables[:, :, column].T.ravel().tolist()
        force.addTabulatedFunction(f"{name}_of", openmm.Discrete2DFunction(n_types, n_types, values))
    return force


def _correction(tables: np.ndarray, counts: np.ndarray, cutoff: float):  # type: ignore[no-untyped-def]
    """What a uniform liquid has beyond the switch, as a CustomVolumeForce; counts are the atoms of each type.

    OpenMM's own correction is the same integral, which its CPU platform works out anew for every step.
    """
    nodes, weights = np.polynomial.legendre.leggauss(32)
    near = cutoff - SWITCH * (1 - nodes) / 2
    x = (near - (cutoff - SWITCH)) / SWITCH
    inverse = (1 + nodes) / (2 * cutoff)  # of r, from the cutoff to infinity
    distances = np.concatenate([near, 1 / inverse])
    volumes = 4 * np.pi * distances**2
    volumes[:32] *= weights * SWITCH / 2 * (10 * x**3 - 15 * x**4 + 6 * x**5)
    volumes[32:] *= weights / (2 * cutoff) / inverse**2
    pairs = np.outer(counts, counts) / 2
    sums = [(pairs * between_energies(tables, r)).sum() for r in distances]
    return _openmm().CustomVolumeForce(f"{float(volumes @ sums) * KCAL_IN_KJ * ANGSTROM_IN_NM**3!r}/v")


def between_energies(tables: np.ndarray, r: np.ndarray | float) -> np.ndarray:
    """Dispersion, repulsion and Gaussians, kcal/mol, of rows (..., 14) of `type_tables` at r (...), Angstrom."""
    r = np.asarray(r)
    gaussians = sum(
        tables[..., 2 * k] * np.exp(-tables[..., 2 * k + 1] * (r - centre) ** 2)
        for k, centre in enumerate(CENTRES, start=1)
    )
    return np.asarray(tables[..., 1] / r**12 - tables[..., 0] / r**6 + gaussians)


def type_tables(model: Model, species: Sequence[Molecule]) -> np.ndarray:
    """Coefficients between molecules by the types of two atoms, (n_types, n_types, 14), symmetric; types are the atoms
    of all species in turn. |C_0|, |C_1|, then amplitude and 1/width^2 of each Gaussian, Angstrom and kcal/mol."""
    offsets = np.cumsum([0, *(molecule.n_atoms for molecule in species)])
    places = [(a, b) for a in range(len(species)) for b in range(a, len(species))]
    complexes = model.force_fields([Molecule.join(species[a], species[b]) for a, b in places])
    tables = np.empty((offsets[-1], offsets[-1], len(_NAMES)))
    for (a, b), force_field in zip(places, complexes, strict=True):
        between = (force_field.pairs["relation"] == RELATIONS[-1]).to_numpy()
        i, j = force_field.parameters.pair_index.cpu().numpy()[:, between]
        values = _coefficients(force_field)[between]
        first, second = offsets[a] + i, offsets[b] + j - species[a].n_atoms
        tables[first, second] = values
        if a != b:
            tables[second, first] = values
    # Of two molecules of one species (i, j) and (j, i) differ by rounding.
    return np.asarray((tables + tables.transpose(1, 0, 2)) / 2)
