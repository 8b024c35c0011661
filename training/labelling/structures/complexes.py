"""Arrangements of two molecules to label: random contacts, hydrogen bonds, stacks, halogen bonds and their kin, lone
pairs against each other, relaxed complexes pulled apart or pushed together."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.spatial.transform import Rotation

from virialff.errors import MoleculeError
from virialff.molecules.molecule import Molecule
from virialff.molecules.placement import contact_distances, pulled_apart, rotation_onto
from virialff.molecules.topology import neighbor_lists

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]

#: What an arrangement is: monomers are frozen in all of them; "scan" ones are frozen as in a GFN2-relaxed complex.
CONTACT = "contact"
HYDROGEN_BOND = "hydrogen_bond"
STACK = "stack"
RELAXED = "relaxed"
SCAN = "scan"
PUSHED = "pushed"
HALOGEN_BOND = "halogen_bond"
CHALCOGEN_BOND = "chalcogen_bond"
PNICTOGEN_BOND = "pnictogen_bond"
REPULSIVE = "repulsive"
#: The families of `facing_pair`.
FACING = (HALOGEN_BOND, CHALCOGEN_BOND, PNICTOGEN_BOND, REPULSIVE)

#: Multiples of the contact distance, at which the nearest pair of atoms touches (sum of van der Waals radii).
CONTACT_FACTORS = (0.85, 0.95, 1.0, 1.1, 1.3, 1.6, 2.0)
#: Multiples of the shortest distance between the molecules of a relaxed complex.
SCAN_FACTORS = (0.9, 1.0, 1.1, 1.25, 1.5, 2.0)
#: The same for relaxed complexes pushed together, to half of the contact; outermost first.
PUSHED_FACTORS = (0.85, 0.77, 0.69, 0.61, 0.53)
#: Ranges of the H...acceptor distance of built hydrogen bonds, Angstrom, for acceptors of the second period.
HYDROGEN_BOND_RANGES = ((1.7, 1.9), (1.9, 2.1), (2.1, 2.4), (2.4, 3.2))
#: Multiples of the contact distance of the two atoms of a halogen, chalcogen or pnictogen bond: those of the well
#: first, as DFT takes the first ones.
SIGMA_HOLE_FACTORS = (0.92, 0.85, 1.0, 1.1, 0.75, 1.3, 1.6)
#: The same for lone pair against lone pair.
REPULSIVE_FACTORS = (0.95, 0.85, 1.05, 0.75, 1.2, 1.5)

# Elements whose bonds, prolonged, take electrons.
_TAKERS = {HALOGEN_BOND: (17, 35), CHALCOGEN_BOND: (16,), PNICTOGEN_BOND: (15,)}
# Extra H...acceptor distance for acceptors beyond the second period, Angstrom.
_LARGE_ACCEPTOR = {15: 0.6, 16: 0.5, 17: 0.5, 35: 0.6}
# How often an atom is taken as acceptor, relative to O and N.
_ACCEPTOR_WEIGHT = {7: 1.0, 8: 1.0, 9: 0.4, 15: 0.3, 16: 0.5, 17: 0.3, 35: 0.3}
_TETRAHEDRAL = np.radians(54.75)


class Site(NamedTuple):
    """A lone pair or the far end of a bond: atom index, unit direction (3,), weight."""

    atom: int
    direction: FloatArray
    weight: float


def contact_shift(a: Molecule, b: Molecule, direction: FloatArray, factor: float) -> float:
    """How far b must move along the unit vector `direction` until its nearest atom pair is at `factor` contacts.

    Both molecules have one conformer. A pair is in contact at the sum of its van der Waals radii.
    """
    difference = b.positions[0][None] - a.positions[0][:, None]
    reach = factor * contact_distances(a.numbers, b.numbers)
    along = difference @ direction
    discriminant = along**2 - (difference**2).sum(-1) + reach**2
    touching = discriminant > 0
    if not touching.any():
        return float(-along.max())
    return float((-along[touching] + np.sqrt(discriminant[touching])).max())


def contact_pair(a: Molecule, b: Molecule, factors: tuple[float, ...], generator: np.random.Generator) -> FloatArray:
    """A random orientation of b beside a random side of a, at each contact factor: (n_factors, n_atoms, 3)."""
    first = _centred(a)
    second = _centred(b)
    second = second.with_positions(Rotation.random(rng=generator).apply(second.positions[0]))
    direction = _unit(generator.normal(size=3))
    return np.array([_joined(first, second, direction * contact_shift(first, second, direction, f)) for f in factors])


def stacked_pair(a: Molecule, b: Molecule, factors: tuple[float, ...], generator: np.random.Generator) -> FloatArray:
    """Mean planes parallel, b turned about the normal and slid by up to 1.5 Angstrom: (n_factors, n_atoms, 3)."""
    first = _flat(a)
    second = _flat(b)
    angle = generator.uniform(0, 2 * np.pi)
    slide = np.append(generator.uniform(-1.5, 1.5, size=2), 0.0)
    second = second.with_positions(Rotation.from_euler("z", angle).apply(second.positions[0]) + slide)
    up = np.array([0.0, 0.0, 1.0])
    return np.array([_joined(first, second, up * contact_shift(first, second, up, f)) for f in factors])


def donor_hydrogens(molecule: Molecule) -> list[tuple[int, int]]:
    """(hydrogen, its heavy atom) for H on N, O, F, S, Cl, Br and on triply bonded carbon."""
    neighbours = neighbor_lists(molecule.n_atoms, molecule.bonds)
    donors = []
    for hydrogen in np.flatnonzero(molecule.numbers == 1):
        if len(neighbours[hydrogen]) != 1:
            continue
        heavy = neighbours[hydrogen][0]
        number = int(molecule.numbers[heavy])
        triple = heavy in molecule.bonds[molecule.orders == 3]
        if number in (7, 8, 9, 16, 17, 35) or (number == 6 and triple):
            donors.append((int(hydrogen), heavy))
    return donors


def acceptor_sites(molecule: Molecule, generator: np.random.Generator) -> list[Site]:
    """One lone pair of every acceptor atom (O, N with a free pair, S, P(III), halogens), for conformer 0."""
    neighbours = neighbor_lists(molecule.n_atoms, molecule.bonds)
    positions = molecule.positions[0]
    unsaturated = {
        int(i) for bond, order in zip(molecule.bonds, molecule.orders, strict=True) if order > 1 for i in bond
    }
    sites = []
    for atom, number in enumerate(molecule.numbers.tolist()):
        bonded = neighbours[atom]
        if number not in _ACCEPTOR_WEIGHT or len(bonded) > 3 or not bonded:
            continue
        if len(bonded) == 3 and (number not in (7, 15) or atom in unsaturated or unsaturated & set(bonded)):
            continue
        sites.append(Site(atom, _lone_pair(molecule, positions, atom, neighbours, generator), _ACCEPTOR_WEIGHT[number]))
    return sites


def _lone_pair(
    molecule: Molecule,
    positions: FloatArray,
    atom: int,
    neighbours: list[list[int]],
    generator: np.random.Generator,
) -> FloatArray:
    bonded = neighbours[atom]
    away = -_unit(sum((_unit(positions[other] - positions[atom]) for other in bonded), np.zeros(3)))
    number = int(molecule.numbers[atom])
    if len(bonded) == 1:
        partner = bonded[0]
        others = [other for other in neighbours[partner] if other != atom]
        if not others or (number == 7 and len(others) == 1):
            return away
        # 60 degrees from the extended bond, in the plane of the partner's substituents (sp2 lone pairs);
        # heavier halogens accept from the side.
        tilt = np.radians(85.0 if number in (17, 35) else 60.0)
        in_plane = positions[others[generator.integers(len(others))]] - positions[partner]
        side = _unit(in_plane - (in_plane @ away) * away, fallback=_perpendicular(away))
        if len(others) != 2:
            angle = generator.uniform(0, 2 * np.pi)
            side = np.cos(angle) * side + np.sin(angle) * np.cross(away, side)
        return np.cos(tilt) * away + np.sin(tilt) * side
    if len(bonded) == 2 and number in (8, 16):
        first, second = (_unit(positions[other] - positions[atom]) for other in bonded)
        normal = _unit(np.cross(first, second), fallback=_perpendicular(away))
        return np.cos(_TETRAHEDRAL) * away + np.sin(_TETRAHEDRAL) * normal * generator.choice((-1.0, 1.0))
    return away


def hydrogen_bonded_pair(
    donor: Molecule, acceptor: Molecule, distances: tuple[float, float], generator: np.random.Generator
) -> FloatArray | None:
    """A hydrogen bond from `donor` to `acceptor` (atoms in this order), (n_atoms, 3), or None if none fits.

    The D-H axis points to a lone pair with a jitter of about 12 degrees, the H...acceptor distance is drawn from
    the range `distances` (Angstrom, second-period acceptors; others further), the turn about it is free. An
    arrangement whose other atoms come nearer than 0.75 contacts is thrown away, 20 times at most.
    """
    donors = donor_hydrogens(donor)
    for _ in range(20):
        sites = acceptor_sites(acceptor, generator)
        if not donors or not sites:
            return None
        hydrogen, heavy = donors[generator.integers(len(donors))]
        site = _drawn(sites, generator)
        outward = _unit(site.direction + generator.normal(0.0, 0.2, 3))
        axis = _unit(outward + generator.normal(0.0, 0.2, 3))
        distance = generator.uniform(*distances) + _LARGE_ACCEPTOR.get(int(acceptor.numbers[site.atom]), 0.0)
        positions = donor.positions[0] - donor.positions[0][hydrogen]
        bond = _unit(positions[hydrogen] - positions[heavy])
        positions = Rotation.from_rotvec(generator.uniform(0, 2 * np.pi) * bond).apply(positions)
        positions = rotation_onto(bond, -axis).apply(positions)
        positions = positions + acceptor.positions[0][site.atom] + distance * outward
        separation = np.linalg.norm(positions[:, None] - acceptor.positions[0][None], axis=-1)
        ratio = separation / contact_distances(donor.numbers, acceptor.numbers)
        ratio[hydrogen, site.atom] = 1.0
        if ratio.min() >= 0.75:
            return np.concatenate([positions, acceptor.positions[0]])
    return None


def facing_pair(family: str, a: Molecule, b: Molecule, generator: np.random.Generator) -> list[FloatArray]:
    """Geometries (n_atoms, 3) of a beside b at the distances of one of the families FACING.

    A site of each is on one line, with a jitter of about 8 degrees and a free turn: of 20 the one whose other atoms
    stay furthest away. Distances at which they come nearer than 0.72 contacts are left out. Raises MoleculeError where
    a molecule has no such site, or other atoms are always in the way.
    """
    first = acceptor_sites(a, generator) if family == REPULSIVE else sigma_holes(a, family)
    second = acceptor_sites(b, generator)
    if not first or not second:
        raise MoleculeError(f"there is no {family.replace('_', ' ')} between these molecules")
    one, other = _drawn(first, generator), _drawn(second, generator)
    contacts = contact_distances(a.numbers, b.numbers)
    at_a = a.positions[0] - a.positions[0][one.atom]
    at_b = b.positions[0] - b.positions[0][other.atom]
    best: list[FloatArray] = []
    widest = -np.inf
    for _ in range(20):
        axis = _unit(one.direction + generator.normal(0.0, 0.14, 3))
        turned = Rotation.from_rotvec(generator.uniform(0, 2 * np.pi) * other.direction).apply(at_b)
        turned = rotation_onto(other.direction, -axis).apply(turned)
        made, gap = [], np.inf
        for factor in REPULSIVE_FACTORS if family == REPULSIVE else SIGMA_HOLE_FACTORS:
            placed = turned + factor * contacts[one.atom, other.atom] * axis
            ratio = np.linalg.norm(at_a[:, None] - placed[None], axis=-1) / contacts
            ratio[one.atom, other.atom] = np.inf
            if ratio.min() > 0.72:
                made.append(np.concatenate([at_a, placed]))
            gap = min(gap, ratio.min())
        if len(made) > len(best) or (len(made) == len(best) and gap > widest):
            best, widest = made, gap
    if not best:
        raise MoleculeError("the atoms beside the contact are in its way")
    return best


def sigma_holes(molecule: Molecule, family: str) -> list[Site]:
    """The far ends of the bonds to Cl and Br, S, or P, for conformer 0: where the atom takes electrons.

    A hole opposite to a more electronegative neighbour counts more.
    """
    positions = molecule.positions[0]
    sites = []
    for bond in molecule.bonds.tolist():
        for atom, other in (bond, bond[::-1]):
            if molecule.numbers[atom] in _TAKERS[family]:
                weight = 0.3 if molecule.numbers[other] == 1 else 1.0
                weight *= 3.0 if molecule.numbers[other] in (7, 8, 9, 17, 35) else 1.0
                sites.append(Site(atom, _unit(positions[atom] - positions[other]), weight))
    return sites


def _drawn(sites: list[Site], generator: np.random.Generator) -> Site:
    weights = np.array([site.weight for site in sites])
    return sites[generator.choice(len(sites), p=weights / weights.sum())]


def scan(
    pair: Molecule, positions: FloatArray, factors: tuple[float, ...], axis: FloatArray | None = None
) -> FloatArray:
    """A complex of two pulled apart along the line between its centres, or along `axis` (3,): (n_factors, n_atoms, 3).

    Monomers are frozen. At factor f the second molecule has moved by f - 1 times the shortest distance between the
    two in `positions` (n_atoms, 3), so that f = 1 is the complex itself.
    """
    if pair.n_fragments != 2:
        raise MoleculeError("A separation scan needs a complex of exactly two molecules.")
    first, second = positions[pair.fragments == 0], positions[pair.fragments == 1]
    shortest = np.linalg.norm(first[:, None] - second[None], axis=-1).min()
    axis = _unit(second.mean(0) - first.mean(0)) if axis is None else axis
    return pulled_apart(positions, pair.fragments == 1, (np.asarray(factors) - 1.0) * shortest, axis)


def contact_axis(positions: FloatArray, fragments: IntArray, generator: np.random.Generator) -> FloatArray:
    """Unit vector (3,) from the nearest atom of fragment 0 to that of fragment 1, tilted by about 15 degrees."""
    first, second = positions[fragments == 0], positions[fragments == 1]
    difference = second[None] - first[:, None]
    i, j = np.unravel_index(np.linalg.norm(difference, axis=-1).argmin(), difference.shape[:2])
    return _unit(_unit(difference[i, j]) + generator.normal(0.0, 0.2, 3))


def _joined(a: Molecule, b: Molecule, shift: FloatArray) -> FloatArray:
    return np.concatenate([a.positions[0], b.positions[0] + shift])


def _centred(molecule: Molecule) -> Molecule:
    positions = molecule.positions[0]
    return molecule.with_positions((positions - positions.mean(0))[None])


def _flat(molecule: Molecule) -> Molecule:
    # The direction of least extent becomes z.
    positions = molecule.positions[0] - molecule.positions[0].mean(0)
    _, axes = np.linalg.eigh(positions.T @ positions)
    axes = axes[:, ::-1]
    axes[:, 2] *= np.sign(np.linalg.det(axes))
    return molecule.with_positions((positions @ axes)[None])


def _unit(vector: FloatArray, fallback: FloatArray | None = None) -> FloatArray:
    norm = np.linalg.norm(vector)
    if norm > 1e-6:
        return vector / norm
    return fallback if fallback is not None else np.array([0.0, 0.0, 1.0])


def _perpendicular(vector: FloatArray) -> FloatArray:
    return _unit(np.cross(vector, np.eye(3)[np.argmin(np.abs(vector))]))
