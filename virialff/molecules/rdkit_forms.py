"""The RDKit side of a molecule: its form for names, its conformers."""

from __future__ import annotations

from itertools import combinations

import numpy as np
from rdkit import Chem

from virialff.errors import ValenceError
from virialff.molecules import checks, rdkit_log
from virialff.molecules.aromaticity import from_smiles, sanitize
from virialff.molecules.rdkit_items import atoms_of, bonds_of
from virialff.molecules.resonance import BOND_TYPES, Bonding, pinned_bonding, resonance_bonding
from virialff.molecules.rings import ring_systems

_DOUBLE_BOND_LABELS = {Chem.BondStereo.STEREOE: "E", Chem.BondStereo.STEREOZ: "Z"}
_AXES = (Chem.BondStereo.STEREOATROPCW, Chem.BondStereo.STEREOATROPCCW)
_MARKS = (Chem.BondDir.ENDUPRIGHT, Chem.BondDir.ENDDOWNRIGHT)
_SIDES = (Chem.BondStereo.STEREOCIS, Chem.BondStereo.STEREOTRANS)
_TETRAHEDRAL = (Chem.ChiralType.CHI_TETRAHEDRAL_CW, Chem.ChiralType.CHI_TETRAHEDRAL_CCW)
_SHAPES = (
    Chem.ChiralType.CHI_SQUAREPLANAR,
    Chem.ChiralType.CHI_TRIGONALBIPYRAMIDAL,
    Chem.ChiralType.CHI_OCTAHEDRAL,
)
# Rings with up to so many atoms have their double bonds cis: RDKit keeps no configuration there.
_LARGEST_CIS_RING = 7
# Rings of up to so many atoms about an atom keep it from turning inside out: fused rings, and bridged ones.
_FUSED_RING, _BRIDGED_RING = 6, 8
_SHOWN_OPEN = 4


def normalised(mol: Chem.Mol, numbers: np.ndarray, bonds: np.ndarray) -> Chem.Mol:
    """A copy for names, keys and geometries: without map numbers, charges placed as in `virialff.molecules.lewis`.

    So they do not depend on whether a sulfoxide, an ylide or a zwitterion was drawn with or without charges.
    """
    mol = Chem.Mol(mol)
    for atom in atoms_of(mol):
        atom.SetAtomMapNum(0)
    if not any(atom.GetFormalCharge() for atom in atoms_of(mol)):
        return mol
    bonding = resonance_bonding(numbers, bonds)
    if bonding is None:
        return mol
    with rdkit_log.captured():
        _set_bonding(mol, bonds, bonding)
        sanitize(mol)
    return mol


def localised(mol: Chem.Mol) -> Chem.Mol:
    """A copy with single and double bonds in place of aromatic ones outside rings (a nitro group with bonds of type 4).

    The molecule is one before sanitization. Raises ValenceError where no Lewis structure fits, and where hydrogens are
    left out beside such bonds.
    """
    mol = Chem.Mol(mol)
    Chem.FastFindRings(mol)
    outside = [bond for bond in bonds_of(mol) if bond.GetBondType() == Chem.BondType.AROMATIC and not bond.IsInRing()]
    if not outside:
        return mol
    numbers = np.array([atom.GetAtomicNum() for atom in atoms_of(mol)])
    pairs = np.array([sorted((b.GetBeginAtomIdx(), b.GetEndAtomIdx())) for b in bonds_of(mol)])
    given = np.array([bond.GetBondTypeAsDouble() for bond in bonds_of(mol)])
    bonding = pinned_bonding(numbers, pairs, given)
    # Carbon takes a charge only where its hydrogens are not there.
    if bonding is None or bonding.charges[numbers == 6].any():
        first = outside[0].GetBeginAtom()
        raise ValenceError(
            f"{checks.label(first.GetSymbol(), first.GetIdx())} has an aromatic bond outside a ring, and the record "
            "fits no Lewis structure as it stands; draw single and double bonds, and give every hydrogen",
            atom=first.GetIdx() + 1,
        )
    _set_bonding(mol, pairs, bonding)
    return mol


def _set_bonding(mol: Chem.Mol, bonds: np.ndarray, bonding: Bonding) -> None:
    for atom, charge in zip(atoms_of(mol), bonding.charges.tolist(), strict=True):
        atom.SetFormalCharge(charge)
        atom.SetNoImplicit(True)
        atom.SetIsAromatic(False)
    for (i, j), order in zip(bonds.tolist(), bonding.kekule_orders.tolist(), strict=True):
        bond = mol.GetBondBetweenAtoms(i, j)
        bond.SetBondType(BOND_TYPES[order])
        bond.SetIsAromatic(False)


def atomic_weights(numbers: np.ndarray) -> np.ndarray:
    """Standard atomic weights (n_atoms,) of elements by atomic number, u."""
    table = Chem.GetPeriodicTable()
    return np.array([table.GetAtomicWeight(int(number)) for number in numbers])


def in_mapped_order(text: str) -> tuple[Chem.Mol | None, tuple[str, ...]]:
    """The RDKit molecule of a SMILES, atoms in the order of its map numbers, and what is to be said of them.

    Map numbers 1 to n, each once, on all atoms written or on all but the hydrogens are obeyed; others are passed over,
    with a note. None for SMILES that RDKit does not read.
    """
    parameters = Chem.SmilesParserParams()
    mol = from_smiles(text, parameters)
    if mol is None or ":" not in text:
        return mol, ()
    parameters.removeHs = False
    for candidate in (from_smiles(text, parameters), mol):
        if candidate is None:
            continue
        maps = [atom.GetAtomMapNum() for atom in atoms_of(candidate)]
        if sorted(maps) == list(range(1, len(maps) + 1)):
            for atom in atoms_of(candidate):
                atom.SetAtomMapNum(0)
            return Chem.RenumberAtoms(candidate, np.argsort(maps).tolist()), ()
    if any(maps):
        return mol, ("its atom map numbers are not 1 to n, each once, so atoms keep the order of the SMILES",)
    return mol, ()


def lost_stereochemistry(mol: Chem.Mol) -> tuple[str, ...]:
    """A sentence for each kind of configuration that an unsanitized molecule has and RDKit drops.

    At an allene or cumulene, a trans double bond of a ring with up to seven atoms, double bonds that leave a ring on
    two sides, and nitrogen that inverts.
    """
    if not any(atom.GetChiralTag() != Chem.ChiralType.CHI_UNSPECIFIED for atom in atoms_of(mol)) and not any(
        bond.GetBondDir() in _MARKS or bond.GetStereo() in _SIDES for bond in bonds_of(mol)
    ):
        return ()
    return (*_lost_in_cumulenes(mol), *_lost_in_rings(mol), *_lost_beside_rings(mol), *_lost_at_nitrogen(mol))


def _lost_in_rings(mol: Chem.Mol) -> tuple[str, ...]:
    probe = Chem.Mol(mol)
    Chem.FastFindRings(probe)
    Chem.SetBondStereoFromDirections(probe)
    rings = [set(ring) for ring in probe.GetRingInfo().AtomRings() if len(ring) <= _LARGEST_CIS_RING]
    for bond in bonds_of(probe):
        if bond.GetStereo() not in _SIDES:
            continue
        ends = {bond.GetBeginAtomIdx(), bond.GetEndAtomIdx()}
        for ring in rings:
            if not ends <= ring:
                continue
            outside = sum(atom not in ring for atom in bond.GetStereoAtoms())
            if (bond.GetStereo() == Chem.BondStereo.STEREOTRANS) == (outside != 1):
                first, second = (checks.label(probe.GetAtomWithIdx(i).GetSymbol(), i) for i in sorted(ends))
                return (
                    f"the trans double bond written in a ring of {len(ring)} between {first} and {second} cannot be "
                    "kept: it is cis here",
                )
    return ()


def _lost_beside_rings(mol: Chem.Mol) -> tuple[str, ...]:
    """Two or more elements of one ring system that only together have a configuration: alkylidenes on either side."""
    probe = Chem.Mol(mol)
    Chem.FastFindRings(probe)
    Chem.SetBondStereoFromDirections(probe)
    written = [bond for bond in bonds_of(probe) if bond.GetStereo() in _SIDES and not bond.IsInRing()]
    tagged = [atom for atom in atoms_of(probe) if atom.GetChiralTag() in _TETRAHEDRAL and atom.GetAtomicNum() != 7]
    if not written and not tagged:
        return ()
    try:
        sanitize(probe)
    except Chem.MolSanitizeException:
        return ()
    Chem.AssignStereochemistry(probe, cleanIt=True, force=True)
    lost = [
        {bond.GetBeginAtomIdx(), bond.GetEndAtomIdx()}
        for bond in written
        if bond.GetStereo() == Chem.BondStereo.STEREONONE
    ] + [{atom.GetIdx()} for atom in tagged if atom.GetChiralTag() not in _TETRAHEDRAL]
    for system, _ in ring_systems(probe.GetRingInfo().AtomRings()):
        elements = [atoms for atoms in lost if atoms & system]
        if len(elements) > 1:
            names = [
                "=".join(checks.label(probe.GetAtomWithIdx(atom).GetSymbol(), atom) for atom in sorted(atoms))
                for atoms in elements
            ]
            return (
                f"the configuration written at {' and '.join(names[:_SHOWN_OPEN])} cannot be kept: it is one of the "
                "two sides of a ring to each other",
            )
    return ()


def _lost_at_nitrogen(mol: Chem.Mol) -> tuple[str, ...]:
    probe = Chem.Mol(mol)
    Chem.FastFindRings(probe)
    for atom in atoms_of(probe):
        inverts = atom.GetAtomicNum() == 7 and atom.GetDegree() <= 3 and not atom.GetFormalCharge()
        ring_bonds = sum(bond.IsInRing() for bond in atom.GetBonds())
        if inverts and atom.GetChiralTag() in _TETRAHEDRAL and ring_bonds < 3 and not atom.IsInRingSize(3):
            return (
                f"the configuration written at {checks.label('N', atom.GetIdx())} cannot be kept: nitrogen with three "
                "neighbours inverts",
            )
    return ()


def _lost_in_cumulenes(mol: Chem.Mol) -> tuple[str, ...]:
    for atom in atoms_of(mol):
        if not _is_cumulated(atom):
            continue
        ends = [end for end in atom.GetNeighbors() if not _is_cumulated(end)]
        marked = any(
            bond.GetBondDir() in _MARKS and not _has_ordinary_double_bond(bond.GetOtherAtom(end))
            for end in ends
            for bond in end.GetBonds()
        )
        if marked or atom.GetChiralTag() != Chem.ChiralType.CHI_UNSPECIFIED:
            return (
                f"the configuration written at the cumulated double bonds of {checks.label('C', atom.GetIdx())} cannot "
                "be kept: both configurations are one molecule here",
            )
    return ()


def _has_ordinary_double_bond(atom: Chem.Atom) -> bool:
    return any(
        bond.GetBondType() == Chem.BondType.DOUBLE and not _is_cumulated(bond.GetOtherAtom(atom))
        for bond in atom.GetBonds()
    )


def _is_cumulated(atom: Chem.Atom) -> bool:
    return (
        atom.GetAtomicNum() == 6
        and atom.GetDegree() == 2
        and sum(bond.GetBondType() == Chem.BondType.DOUBLE for bond in atom.GetBonds()) == 2
    )


def undefined_stereo(mol: Chem.Mol) -> list[tuple[int, ...]]:
    """Atoms (one of a tetrahedral centre, two of a double bond) whose configuration the molecule leaves open."""
    found: list[tuple[int, ...]] = []
    for element in Chem.FindPotentialStereo(Chem.Mol(mol)):
        if element.specified != Chem.StereoSpecified.Unspecified:
            continue
        if element.type == Chem.StereoType.Atom_Tetrahedral:
            found.append((int(element.centeredOn),))
        elif element.type == Chem.StereoType.Bond_Double:
            bond = mol.GetBondWithIdx(element.centeredOn)
            if _is_cumulated(bond.GetBeginAtom()) or _is_cumulated(bond.GetEndAtom()):
                continue
            found.append((bond.GetBeginAtomIdx(), bond.GetEndAtomIdx()))
    return found


def without_shapes(mol: Chem.Mol) -> tuple[str, ...]:
    """Take out configurations of square, bipyramidal and octahedral centres, in place; a sentence where there was one.

    RDKit writes them into SMILES and does not keep them in geometries, so two records of one molecule would differ.
    """
    found = [atom for atom in atoms_of(mol) if atom.GetChiralTag() in _SHAPES]
    for atom in found:
        atom.SetChiralTag(Chem.ChiralType.CHI_UNSPECIFIED)
    if not found:
        return ()
    name = checks.label(found[0].GetSymbol(), found[0].GetIdx())
    return (f"the arrangement written about {name} cannot be kept: geometries decide on hypervalent centres",)


def stereo_notes(mol: Chem.Mol, geometry: np.ndarray | None = None) -> tuple[str, ...]:
    """What is to be said of configurations: groups, axes, and what a geometry made of those that were left open.

    geometry: (n_atoms, 3), Angstrom, that was made for the molecule.
    """
    notes = []
    if geometry is not None and (opened := undefined_stereo(mol)):
        probe = Chem.Mol(mol)
        add_conformers(probe, geometry[None])
        Chem.AssignStereochemistryFrom3D(probe)
        made: dict[tuple[int, ...], str] = {
            (a.GetIdx(),): a.GetProp("_CIPCode") for a in atoms_of(probe) if a.HasProp("_CIPCode")
        } | {
            (b.GetBeginAtomIdx(), b.GetEndAtomIdx()): _DOUBLE_BOND_LABELS.get(b.GetStereo(), "")
            for b in bonds_of(probe)
        }
        labels = [made.get(atoms) for atoms in opened]
        achiral = labels.count("R") == labels.count("S")
        if achiral and all(len(atoms) == 1 and _is_held(mol.GetAtomWithIdx(atoms[0])) for atoms in opened):
            opened = []
        shown = []
        for atoms in opened[:_SHOWN_OPEN]:
            names = "=".join(checks.label(mol.GetAtomWithIdx(atom).GetSymbol(), atom) for atom in atoms)
            shown.append(f"{names}: {made[atoms]}" if made.get(atoms) else names)
        more = f" and {len(opened) - _SHOWN_OPEN} more" if len(opened) > _SHOWN_OPEN else ""
        if opened:
            made_with = f"{', '.join(shown)}{more}"
            notes.append(f"the configuration was not given, and the first geometry was made with {made_with}")
    if any(group.GetGroupType() != Chem.StereoGroupType.STEREO_ABSOLUTE for group in mol.GetStereoGroups()):
        notes.append("it stands for several stereoisomers (AND or OR groups), of which the one drawn is taken")
    for bond in _hindered_axes(mol):
        names = " and ".join(checks.label(a.GetSymbol(), a.GetIdx()) for a in (bond.GetBeginAtom(), bond.GetEndAtom()))
        notes.append(
            f"its axis of chirality between {names} (atropisomers) is kept in geometries but not in the SMILES, "
            "InChIKey and keys"
        )
    return tuple(notes)


def _is_held(atom: Chem.Atom) -> bool:
    """Whether small rings on all sides leave an atom one configuration: those of adamantane, cubane, DABCO."""
    mol, centre = atom.GetOwningMol(), atom.GetIdx()
    near = [bond.GetOtherAtomIdx(centre) for bond in atom.GetBonds() if bond.IsInRing()]
    fused = any(sum(bond.IsInRing() for bond in mol.GetAtomWithIdx(other).GetBonds()) > 2 for other in near)
    largest = _FUSED_RING if fused else _BRIDGED_RING
    return len(near) > 2 and all(
        _smallest_ring(mol, centre, first, second) <= largest for first, second in combinations(near, 2)
    )


def _smallest_ring(mol: Chem.Mol, centre: int, first: int, second: int) -> float:
    """Atoms of the smallest ring that leaves an atom by one neighbour and comes back by another."""
    seen, front, size = {centre, first}, {first}, 2
    while front and size < _BRIDGED_RING:
        front = {n.GetIdx() for atom in front for n in mol.GetAtomWithIdx(atom).GetNeighbors()} - seen
        seen |= front
        size += 1
        if second in front:
            return size
    return np.inf


def _hindered_axes(mol: Chem.Mol) -> list[Chem.Bond]:
    """Bonds that RDKit reads as axes of chirality, or that join two rings with three or four ortho substituents."""
    ranks: list[int] = []
    found = []
    for bond in bonds_of(mol):
        if bond.GetStereo() in _AXES:
            found.append(bond)
            continue
        if bond.GetBondType() != Chem.BondType.SINGLE:
            continue
        ends = (bond.GetBeginAtom(), bond.GetEndAtom())
        if not all(end.GetIsAromatic() for end in ends):
            continue
        ranks = ranks or list(Chem.CanonicalRankAtoms(mol, breakTies=False))
        sides = [
            [atom for atom in end.GetNeighbors() if atom.GetIdx() not in (ends[0].GetIdx(), ends[1].GetIdx())]
            for end in ends
        ]
        if any(len(side) != 2 or ranks[side[0].GetIdx()] == ranks[side[1].GetIdx()] for side in sides):
            continue
        heavy = [sum(a.GetAtomicNum() > 1 for a in atom.GetNeighbors()) for side in sides for atom in side]
        if sum(count > 2 for count in heavy) >= 3:
            found.append(bond)
    return found


def add_conformers(mol: Chem.Mol, positions: np.ndarray) -> None:
    """Add positions (n_conformers, n_atoms, 3), Angstrom, to an RDKit molecule as its 3D conformers."""
    for geometry in positions:
        conformer = Chem.Conformer(len(geometry))
        conformer.SetPositions(np.ascontiguousarray(geometry))
        conformer.Set3D(True)
        mol.AddConformer(conformer, assignId=True)
