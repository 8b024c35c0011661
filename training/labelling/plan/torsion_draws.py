"""Which torsions a campaign scans: fragments for every kind of rotatable bond of the pools, and a written list."""

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator
from dataclasses import asdict, dataclass
from typing import NamedTuple

from rdkit import Chem

from training.labelling.config import CampaignConfig
from training.labelling.plan.draws import CleanPools
from training.labelling.structures.geometries import seed_of
from training.labelling.structures.pools import clean, read_smiles_file
from virialff.errors import ConfigError, MoleculeError
from virialff.labels.evaluation_sets import evaluation_reason

#: Source of the torsions of the written list.
WRITTEN = "torsions"
#: Double bonds are turned in molecules up to this size; a bond that breaks on the way makes its points failures.
LARGEST_DOUBLE = 8
_UNSATURATED = (Chem.BondType.DOUBLE, Chem.BondType.TRIPLE, Chem.BondType.AROMATIC)


@dataclass(frozen=True)
class TorsionTask:
    """One bond of a molecule to be turned; `bond` counts the atoms of `smiles` from 0."""

    inchikey: str
    smiles: str
    source: str
    bond: tuple[int, int]

    @property
    def key(self) -> str:
        """Identifies the task within its campaign."""
        return f"torsion/{self.name}"

    @property
    def name(self) -> str:
        """The molecule and the bond; the random numbers of the scan follow from it."""
        return f"{self.inchikey}-{self.bond[0]}-{self.bond[1]}"


@dataclass(frozen=True)
class DftTorsionTask(TorsionTask):
    """The same at wB97X-D/def2-SVP."""

    @property
    def key(self) -> str:
        """Identifies the task within its campaign."""
        return f"dft_torsion/{self.name}"


class Fragment(NamedTuple):
    """A molecule with one bond to turn: canonical SMILES, the bond's atoms in it, number of heavy atoms, source."""

    smiles: str
    bond: tuple[int, int]
    n_heavy: int
    source: str


def draw_torsions(
    config: CampaignConfig, refused: list[tuple[str, str]], say: Callable[[str], None] = print
) -> list[TorsionTask]:
    """The torsions of a campaign in the order of work: the written list, then kind by kind, the commonest first.

    Every kind of bond of the pools gets one fragment before any gets a second. Raises ConfigError for an unknown pool.
    """
    settings = config.torsions
    if settings is None:
        return []
    tasks: dict[str, TorsionTask] = {}
    have: Counter[str] = Counter()

    def take(fragment: Fragment) -> bool:
        task = _task(fragment, config.seed, refused)
        if task is None or task.name in tasks:
            return False
        tasks[task.name] = task
        return True

    for text in _written(settings.smiles):
        for fragment in turned_bonds(text, WRITTEN):
            if take(fragment):
                have[bond_kind(Chem.MolFromSmiles(fragment.smiles), *fragment.bond)] += 1
    say(f"torsions written for this project: {len(tasks)}")
    found: dict[str, set[Fragment]] = defaultdict(set)
    occurrences: Counter[str] = Counter()
    pool = CleanPools(config, refused)
    for name in settings.pools:
        for molecule in pool.clean(name):
            _collect(molecule.smiles, name, settings.min_heavy, settings.max_heavy, found, occurrences)
    kinds = sorted(
        (kind for kind in found if found[kind] and occurrences[kind] >= settings.min_occurrences),
        key=lambda kind: (-occurrences[kind], kind),
    )
    say(f"{len(kinds)} kinds of rotatable bond in the pools")
    # A small fragment costs least and says most about its bond. A further one of the same kind is larger, where there
    # is any, as its neighbourhood should differ, and comes when it is the turn of kinds a quarter as common.
    waiting = {
        kind: sorted(found[kind], key=lambda fragment: (fragment.n_heavy, seed_of(config.seed, fragment.smiles)))
        for kind in kinds
    }
    turns = [(-occurrences[kind] / 4.0**number, kind, number) for kind in kinds for number in range(settings.per_kind)]
    for _, kind, number in sorted(turns):
        while have[kind] <= number and waiting[kind]:
            have[kind] += take(waiting[kind].pop(len(waiting[kind]) // 2 if number else 0))
    say(f"{len(tasks)} torsions")
    if settings.dft_count:
        # A double bond half turned is a diradical, for which closed-shell DFT has no answer.
        single = [task for task in tasks.values() if not _is_double(Chem.MolFromSmiles(task.smiles), *task.bond)]
        if settings.dft_count < len(single):
            single.sort(key=lambda task: Chem.MolFromSmiles(task.smiles).GetNumHeavyAtoms())
        return [DftTorsionTask(**asdict(task)) for task in single[: settings.dft_count]]
    return list(tasks.values())


def _written(path: object) -> Iterable[str]:
    return read_smiles_file(path) if path is not None else ()  # type: ignore[arg-type]


def _task(fragment: Fragment, seed: int, refused: list[tuple[str, str]]) -> TorsionTask | None:
    cleaned = clean(fragment.smiles, fragment.source, min_heavy=2, max_heavy=30)
    if isinstance(cleaned, MoleculeError):
        refused.append((fragment.smiles, str(cleaned)))
        return None
    reason = evaluation_reason(cleaned.inchikey)
    if reason:
        refused.append((fragment.smiles, reason))
        return None
    mol = Chem.MolFromSmiles(fragment.smiles)
    return TorsionTask(Chem.MolToInchiKey(mol), fragment.smiles, fragment.source, fragment.bond)


def _collect(
    smiles: str,
    source: str,
    min_heavy: int,
    max_heavy: int,
    found: dict[str, set[Fragment]],
    occurrences: Counter[str],
    keep: int = 40,
) -> None:
    mol = Chem.MolFromSmiles(smiles)
    for j, k in rotatable_bonds(mol):
        kind = bond_kind(mol, j, k)
        occurrences[kind] += 1
        if len(found[kind]) >= keep:
            continue
        fragment = cut(mol, j, k, source)
        if fragment is not None and min_heavy <= fragment.n_heavy <= max_heavy:
            found[kind].add(fragment)


def rotatable_bonds(mol: Chem.Mol) -> list[tuple[int, int]]:
    """Bonds whose turn changes the shape: single or (in small molecules) double, in no ring, both ends with neighbours.

    Atoms of a triple bond end no torsion. Of bonds alike by symmetry there is one.
    """
    ranks = list(Chem.CanonicalRankAtoms(mol, breakTies=False))
    seen: set[tuple[int, int]] = set()
    bonds = []
    for bond in mol.GetBonds():
        double = bond.GetBondType() == Chem.BondType.DOUBLE
        if bond.IsInRing() or bond.GetBondType() not in (Chem.BondType.SINGLE, Chem.BondType.DOUBLE):
            continue
        if double and mol.GetNumHeavyAtoms() > LARGEST_DOUBLE:
            continue
        ends = bond.GetBeginAtom(), bond.GetEndAtom()
        if any(atom.GetTotalDegree() < 2 or _is_linear(atom) for atom in ends):
            continue
        first, second = sorted((ranks[atom.GetIdx()], atom.GetIdx()) for atom in ends)
        if (first[0], second[0]) not in seen:
            seen.add((first[0], second[0]))
            bonds.append((first[1], second[1]))
    return bonds


def _is_double(mol: Chem.Mol, j: int, k: int) -> bool:
    return bool(mol.GetBondBetweenAtoms(j, k).GetBondType() == Chem.BondType.DOUBLE)


def _is_linear(atom: Chem.Atom) -> bool:
    return atom.GetTotalDegree() == 2 and atom.GetHybridization() == Chem.HybridizationType.SP


def bond_kind(mol: Chem.Mol, j: int, k: int) -> str:
    """The kind of a bond: its order, its two atoms and what is bonded to them, the same for either direction."""
    ends = []
    for atom, other in ((j, k), (k, j)):
        around = [_atom_kind(n) for n in mol.GetAtomWithIdx(atom).GetNeighbors() if n.GetIdx() != other]
        around += ["H"] * mol.GetAtomWithIdx(atom).GetTotalNumHs()
        ends.append(f"{_atom_kind(mol.GetAtomWithIdx(atom), ring=True)}({','.join(sorted(around))})")
    order = "=" if _is_double(mol, j, k) else "-"
    return order.join(sorted(ends))


def _atom_kind(atom: Chem.Atom, *, ring: bool = False) -> str:
    """Element, number of neighbours, and whether it is aromatic (a), unsaturated (u); of an end the smallest ring."""
    if atom.GetAtomicNum() in (1, 9, 17, 35):
        return str(atom.GetSymbol())
    bonds = {bond.GetBondType() for bond in atom.GetBonds()}
    kind = "a" if atom.GetIsAromatic() else "u" if bonds & set(_UNSATURATED) else ""
    size = next((str(n) for n in (3, 4, 5, 6) if atom.IsInRingSize(n)), "r" if atom.IsInRing() else "")
    return f"{atom.GetSymbol()}{atom.GetTotalDegree()}{kind}{'r' + size if ring and size else ''}"


def cut(mol: Chem.Mol, j: int, k: int, source: str) -> Fragment | None:
    """The bond with its neighbourhood: neighbours of both atoms, their multiple bonds and rings; hydrogen elsewhere.

    None where the cut changes the kind of the bond or gives no molecule.
    """
    kept = {j, k}
    for atom in (j, k):
        kept |= {n.GetIdx() for n in mol.GetAtomWithIdx(atom).GetNeighbors()}
    for ring in mol.GetRingInfo().AtomRings():
        if {j, k} & set(ring) or (len(ring) <= 6 and kept & set(ring)):
            kept |= set(ring)
    while True:
        grown = kept | {
            bond.GetOtherAtomIdx(atom)
            for atom in kept
            for bond in mol.GetAtomWithIdx(atom).GetBonds()
            if bond.GetBondType() in _UNSATURATED or _charged(bond)
        }
        if grown == kept:
            break
        kept = grown
    editable = Chem.RWMol(mol)
    for atom in editable.GetAtoms():
        atom.SetIntProp("place", atom.GetIdx())
    for atom in sorted(set(range(mol.GetNumAtoms())) - kept, reverse=True):
        for neighbour in editable.GetAtomWithIdx(atom).GetNeighbors():
            if neighbour.GetNoImplicit() or neighbour.GetIsAromatic():
                # A bracket atom, or an aromatic nitrogen, does not get its hydrogen by itself.
                neighbour.SetNumExplicitHs(neighbour.GetNumExplicitHs() + 1)
            neighbour.SetChiralTag(Chem.ChiralType.CHI_UNSPECIFIED)
        editable.RemoveAtom(atom)
    return fragment_of(editable, j, k, bond_kind(mol, j, k), source)


def _charged(bond: Chem.Bond) -> bool:
    # The halves of a nitro group, an azide, an isocyanide belong together.
    return any(atom.GetFormalCharge() for atom in (bond.GetBeginAtom(), bond.GetEndAtom()))


def fragment_of(editable: Chem.RWMol, j: int, k: int, kind: str | None, source: str) -> Fragment | None:
    """The molecule as canonical SMILES with its bond; the atoms j and k are found by their property `place`."""
    mol = editable.GetMol()
    try:
        Chem.SanitizeMol(mol)
    except (Chem.MolSanitizeException, ValueError):
        return None
    Chem.AssignStereochemistry(mol, cleanIt=True, force=True)
    if len(Chem.GetMolFrags(mol)) > 1:
        return None
    place = {atom.GetIntProp("place"): atom.GetIdx() for atom in mol.GetAtoms()}
    first, second = place[j], place[k]
    if kind is not None and bond_kind(mol, first, second) != kind:
        return None
    turned = mol.GetBondBetweenAtoms(first, second)
    if turned.GetBondType() == Chem.BondType.DOUBLE:
        # Both isomers are on the way: the SMILES names neither.
        turned.SetStereo(Chem.BondStereo.STEREONONE)
        for atom in (first, second):
            for bond in mol.GetAtomWithIdx(atom).GetBonds():
                bond.SetBondDir(Chem.BondDir.NONE)
    text = Chem.MolToSmiles(mol)
    order = list(mol.GetPropsAsDict(includePrivate=True, includeComputed=True)["_smilesAtomOutputOrder"])
    bond_atoms = order.index(first), order.index(second)
    if Chem.MolFromSmiles(text) is None:
        return None
    return Fragment(text, (min(bond_atoms), max(bond_atoms)), mol.GetNumHeavyAtoms(), source)


def turned_bonds(smiles: str, source: str) -> Iterator[Fragment]:
    """Every rotatable bond of a whole molecule, or the one between its atoms 1 and 2 where map numbers name such."""
    mol = Chem.MolFromSmiles(smiles)
    if mol is None:
        raise ConfigError(f"The SMILES {smiles!r} of the list of torsions cannot be read: correct it.")
    named = {atom.GetAtomMapNum(): atom.GetIdx() for atom in mol.GetAtoms() if atom.GetAtomMapNum()}
    if named and (set(named) != {1, 2} or mol.GetBondBetweenAtoms(named[1], named[2]) is None):
        raise ConfigError(
            f"The SMILES {smiles!r} of the list of torsions must map the two atoms of one bond, as 1 and 2."
        )
    for atom in mol.GetAtoms():
        atom.SetAtomMapNum(0)
    for j, k in [(named[1], named[2])] if named else rotatable_bonds(mol):
        editable = Chem.RWMol(mol)
        for atom in editable.GetAtoms():
            atom.SetIntProp("place", atom.GetIdx())
        fragment = fragment_of(editable, j, k, None, source)
        if fragment is not None:
            yield fragment
