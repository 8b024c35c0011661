"""Our own test sets: torsions by class of bond, conformers, drug-sized molecules, contacts by class, relaxation.

Everything here comes from molecules that the split of every model of a comparison leaves for testing, in the label
stores that ship and in those of `assets/evaluation`, which no recipe names. Each figure rests on a number of molecules
(or scans, complexes) that is given with it, with a 95 % bootstrap interval in which whole molecules are drawn.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray
from rdkit import Chem
from rdkit.Chem import rdMolAlign

from virialff.benchmarks.held_out import SplitRule, element_counts, split_part
from virialff.benchmarks.statistics import Interval, interval_over_groups, summarize_errors
from virialff.conformers.relax import relax
from virialff.engines import ENGINES, get_engine
from virialff.engines.dft import LEVEL_OF_THEORY as DFT
from virialff.engines.rdkit_force_fields import RdkitForceField
from virialff.errors import EngineError, MoleculeError
from virialff.interactions.energies import interaction_energy
from virialff.labels.groups import molecule_of, task_groups, turned_bond
from virialff.labels.schema import COLUMN_OF, Label
from virialff.labels.splits import MONOMERS
from virialff.labels.store import LabelStore
from virialff.methods.comparison import agreement
from virialff.methods.method import ForceMethod, level_of_theory, require
from virialff.models.force_field import Model
from virialff.molecules.changes import connectivity_changes
from virialff.molecules.molecule import Molecule
from virialff.molecules.rdkit_forms import add_conformers
from virialff.settings import ASSETS

FloatArray = NDArray[np.float64]
#: Called as progress(what, done, in all).
Progress = Callable[[str, int, int], None]
GFN2 = "GFN2-xTB"
DATA, EVALUATION = ASSETS / "data", ASSETS / "evaluation"

#: A class of its own that does not count among all torsions: half turned it is a diradical.
DOUBLE_BOND = "double bond"
#: Classes of turned bonds, first fit first: the bond is that between the atoms 1 and 2.
BOND_CLASSES = {
    DOUBLE_BOND: "[*:1]=[*:2]",
    "disulfide": "[S;X2:1]-[S;X2:2]",
    "peroxide": "[O;X2:1]-[O;X2:2]",
    "thioamide": "[CX3:1](=S)-[NX3:2]",
    "urea": "[CX3:1](=O)([N])-[NX3:2]",
    "carbamate": "[CX3:1](=O)([O,S])-[NX3:2]",
    "amide": "[CX3:1](=O)-[NX3:2]",
    "hydrazide, hydrazine, hydroxylamine": "[NX3:1]-[N,O;!$(*=*):2]",
    "oxime, hydrazone": "[CX3]=[NX2:1]-[O,N:2]",
    "acid": "[CX3:1](=O)-[OX2H,SX2H:2]",
    "ester": "[CX3:1](=[O,S])-[OX2,SX2:2]",
    "biaryl": "[c,n:1]-[c,n:2]",
    "aniline": "[c:1]-[NX3;!$(N-[C,S,P]=*):2]",
    "aryl ether, phenol": "[c:1]-[OX2,SX2:2]",
    "aryl carbonyl, styrene": "[c:1]-[CX3:2]",
    "enone": "[CX3:1](=[CX3])-[CX3:2]=[O,S]",
    "diene": "[CX3:1](=[C,N])-[CX3:2]=[C,N]",
    "sulfonamide, sulfonate": "[SX4:1](=O)(=O)-[N,O:2]",
    "sulfoxide, sulfone": "[SX3,SX4:1](=O)-[#6,N,O:2]",
    "phosphorus": "[P:1]-[*:2]",
    "acetal": "[CX4:1]([O,S,F,Cl,Br])-[OX2,SX2:2]",
    "vicinal halide, alcohol, amine": "[CX4:1]([F,Cl,Br,O,N,S])-[CX4:2][F,Cl,Br,O,N,S]",
    "saturated carbons": "[CX4:1]-[CX4:2]",
    "carbon next to a double bond or ring": "[CX4:1]-[CX3,c:2]",
    "amine, ether, alcohol, sulfide": "[#6:1]-[NX3,OX2,SX2:2]",
}
_OTHER_BOND = "other bonds"
#: Classes of contacts by the family that arranged the pair.
CONTACT_CLASSES = {
    "halogen_bond": "halogen bonds",
    "chalcogen_bond": "chalcogen bonds",
    "pnictogen_bond": "pnictogen bonds",
    "stack": "dispersion",
    "contact": "dispersion",
    "repulsive": "repulsive",
    "hydrogen_bond": "hydrogen bonds",
    "relaxed": "hydrogen bonds",
}
_WITH_HEAVIER = "hydrogen bonds with P, S, halogens"
_HEAVIER = (9, 15, 16, 17, 35)
#: Fewest conformers of a molecule whose order is looked at.
_FEWEST_CONFORMERS = 4
#: Of larger sets so many molecules are relaxed, those with the first keys.
_MOST_RELAXED = 60
_RELAXATION_STEPS = 200


@dataclass(frozen=True)
class OwnSets:
    """One row a set, quantity (with unit), class and method: `set`, `quantity`, `sizes` (the class), `method`,
    `n_values` (molecules, scans or complexes), `value`, `value_low`, `value_high`."""

    rows: tuple[dict[str, Any], ...] = ()


@dataclass(frozen=True, eq=False)
class Group:
    """One molecule or complex with its geometries and what is known of them.

    energies: by level of theory, (n_conformers,) total energies in kcal/mol, or of a complex its interaction energies;
    NaN where a geometry has none. details: how each geometry was made.
    """

    task: str
    key: tuple[str, ...]
    molecule: Molecule
    energies: Mapping[str, FloatArray]
    kinds: tuple[str, ...]
    details: tuple[str, ...]

    def only(self, kept: Sequence[int]) -> Group:
        """The same with these geometries."""
        places = list(kept)
        return Group(
            self.task,
            self.key,
            self.molecule.with_positions(self.molecule.positions[places]),
            {level: values[places] for level, values in self.energies.items()},
            tuple(self.kinds[place] for place in places),
            tuple(self.details[place] for place in places),
        )


class _Rows:
    """Collects figures."""

    def __init__(self) -> None:
        self.rows: list[dict[str, Any]] = []

    def put(self, where: str, quantity: str, kind: str, method: str, n: int, value: Interval) -> None:
        names = {"value": value.estimate, "value_low": value.low, "value_high": value.high}
        self.rows.append({"set": where, "quantity": quantity, "sizes": kind, "method": method, "n_values": n} | names)

    def errors(
        self, where: str, quantity: str, kind: str, method: str, found: Sequence[FloatArray], which: str
    ) -> None:
        """The `which` (mae, rmse, mean_signed) of the errors of each molecule."""
        known = [values[np.isfinite(values)] for values in found]
        known = [values for values in known if len(values)]
        if known:
            groups = np.repeat(np.arange(len(known)), [len(values) for values in known])
            summary = summarize_errors(np.concatenate(known), groups)
            self.put(where, quantity, kind, method, len(known), getattr(summary, which))

    def values(self, where: str, quantity: str, kind: str, method: str, found: Sequence[float], how: str) -> None:
        """The `how` (mean, median) of one value a molecule."""
        known = np.array([value for value in found if np.isfinite(value)])
        if len(known):
            statistic = np.median if how == "median" else np.mean
            self.put(where, quantity, kind, method, len(known), interval_over_groups(known, statistic))


def measure_sets(
    models: Mapping[str, Model],
    sets: Sequence[str] | None = None,
    *,
    max_molecules: int | None = None,
    progress: Progress | None = None,
) -> OwnSets:
    """Models on our own test sets, of `SETS` by default all, with peers beside them where the reference is DFT.

    max_molecules: of each set, those with the first keys. A model that cannot compute a molecule does without it, and
    has a smaller number of molecules. Raises ConfigError for a model whose card does not say how its data were split.
    """
    rules = [SplitRule.of_card(name, model.card) for name, model in models.items()]
    asked = tuple(SETS) if sets is None else tuple(sets)
    rows = _Rows()
    for number, name in enumerate(asked):
        if progress is not None:
            progress(f"own test sets, {name}", number, len(asked))
        SETS[name](models, _Test(rules, max_molecules), rows)
    return OwnSets(tuple(rows.rows))


class _Test:
    """Reads what the split of every model leaves for testing."""

    def __init__(self, rules: Sequence[SplitRule], most: int | None) -> None:
        self._rules, self._most = rules, most
        self._read: dict[Path, list[Group]] = {}

    def groups(self, paths: Iterable[Path]) -> list[Group]:
        """Molecules and complexes of the stores that are there, in the order of their keys."""
        found: dict[str, Group] = {}
        for path in paths:
            if path not in self._read:
                self._read[path] = list(_groups(path, self._is_test)) if path.exists() else []
            for group in self._read[path]:
                found.setdefault(group.task, group)
        return sorted(found.values(), key=lambda group: (group.key, group.task))[: self._most]

    def _is_test(self, key: tuple[str, ...]) -> bool:
        return split_part(key, _monomers(), self._rules) == "test"

    def training(self, path: Path) -> list[Group]:
        """What all of the models may have trained on."""
        return list(_groups(path, lambda key: split_part(key, _monomers(), self._rules) == "train"))


@cache
def _monomers() -> frozenset[str]:
    """InChIKeys of our own small monomers, which always train: as the stores that ship name them."""
    found: set[str] = set()
    columns = [COLUMN_OF[name] for name in ("inchikeys", "source", "kind")]
    for path in sorted(DATA.glob("*.parquet")):
        for table in LabelStore(path).tables(columns):
            mine = pc.and_(pc.equal(table[columns[1]], MONOMERS), pc.not_equal(table[columns[2]], "complex"))
            found.update(pc.list_flatten(table.filter(mine)[columns[0]]).to_pylist())
    return frozenset(found)


def _groups(path: Path, wanted: Callable[[tuple[str, ...]], bool]) -> Iterator[Group]:
    """The wanted molecules and complexes of a store, each task of one."""
    known = cache(wanted)

    def rows(table: pa.Table) -> NDArray[np.bool_]:
        keys = table[COLUMN_OF["inchikeys"]].to_pylist()
        return np.array([known(tuple(key)) for key in keys], dtype=bool)

    yield from map(_group, task_groups(path, rows))


def _group(labels: Sequence[Label]) -> Group:
    """Rows of one geometry at several levels are one geometry."""
    places: dict[bytes, int] = {}
    first: list[Label] = []
    for label in labels:
        place = np.asarray(label.positions).tobytes()
        if place not in places:
            places[place] = len(first)
            first.append(label)
    levels: dict[str, FloatArray] = defaultdict(lambda: np.full(len(first), np.nan))
    for label in labels:
        value = label.interaction_energy if label.kind == "complex" else label.energy
        if value is not None:
            levels[label.level_of_theory][places[np.asarray(label.positions).tobytes()]] = value
    one = first[0]
    kinds, details = tuple(label.kind for label in first), tuple(label.detail for label in first)
    return Group(one.task, one.inchikeys, molecule_of(first), dict(levels), kinds, details)


def _peers(level: str) -> dict[str, ForceMethod]:
    """Methods beside the models where the reference is DFT: those that can compute here."""
    if level != DFT:
        return {}
    peers: dict[str, ForceMethod] = {}
    for name in ENGINES:
        engine = get_engine(name)
        if engine.available() is None:
            engine.atomic_energies(np.array([1]))  # what it loads decides what it calls itself
            peers[engine.level] = engine
    return peers | {"MMFF94": RdkitForceField("MMFF94"), "UFF": RdkitForceField("UFF")}


def _energies(name: str, method: ForceMethod, group: Group) -> FloatArray:
    """(n_conformers,) of a method at the geometries of a group, interaction energies of a complex: those that the store
    holds, else computed; NaN for what it cannot compute."""
    if name in group.energies and np.isfinite(group.energies[name]).all():
        return group.energies[name]
    try:
        require(method, group.molecule)
        if group.molecule.n_fragments > 1:
            return np.asarray(interaction_energy(group.molecule, method))
        return np.asarray(method.energy(group.molecule, group.molecule.positions))
    except (EngineError, MoleculeError):
        return np.full(group.molecule.n_conformers, np.nan)


def _at_level(groups: Iterable[Group], level: str) -> list[Group]:
    """The geometries that the level has."""
    found = []
    for group in groups:
        if level in group.energies:
            kept = np.flatnonzero(np.isfinite(group.energies[level])).tolist()
            if kept:
                found.append(group.only(kept))
    return found


def _torsions(models: Mapping[str, Model], test: _Test, rows: _Rows) -> None:
    stores = {
        DFT: (EVALUATION / "torsions.parquet", DATA / "dft_torsions.parquet"),
        GFN2: (DATA / "gfn2_torsions.parquet",),
    }
    for level, paths in stores.items():
        scans = []
        for group in _at_level(test.groups(paths), level):
            scan = group.only([place for place, detail in enumerate(group.details) if detail == "torsion_relaxed"])
            if scan.molecule.n_conformers >= _FEWEST_CONFORMERS:
                scans.append((bond_class(scan), scan))
        where = f"torsions, {level}"
        for name, method in {**models, **_peers(level)}.items():
            by_class: dict[str, list[tuple[FloatArray, float]]] = defaultdict(list)
            for kind, scan in scans:
                known, found = scan.energies[level], _energies(name, method, scan)
                errors = (found - found.min()) - (known - known.min())
                for place in (kind,) if kind == DOUBLE_BOND else ("all", kind):
                    by_class[place].append((errors, float(np.ptp(found) - np.ptp(known))))
            for kind in sorted(by_class, key=lambda kind: (kind != "all", kind)):
                profiles, barriers = zip(*by_class[kind], strict=True)
                rows.errors(where, "profile, RMSE (kcal/mol)", kind, name, profiles, "rmse")
                sizes = [np.array([value]) for value in barriers]
                rows.errors(where, "barrier, mean absolute error (kcal/mol)", kind, name, sizes, "mae")


def bond_class(scan: Group) -> str:
    """The class of the bond that a scan turns."""
    turned = set(turned_bond(scan.task))
    mol = scan.molecule.without_positions().to_rdkit()
    Chem.SanitizeMol(mol)
    for name, pattern in BOND_CLASSES.items():
        query = Chem.MolFromSmarts(pattern)
        ends = {atom.GetAtomMapNum(): atom.GetIdx() for atom in query.GetAtoms() if atom.GetAtomMapNum()}
        for match in mol.GetSubstructMatches(query, uniquify=False):
            if {match[ends[1]], match[ends[2]]} == turned:
                return name
    return _OTHER_BOND


def _conformers(models: Mapping[str, Model], test: _Test, rows: _Rows) -> None:
    for level, ensembles in _ensembles(test).items():
        where = f"conformers, {level}"
        for name, method in {**models, **_peers(level)}.items():
            ranks, chosen = [], []
            for ensemble in ensembles:
                known, found = ensemble.energies[level], _energies(name, method, ensemble)
                if np.isfinite(found).all():
                    ranks.append(_spearman(found, known))
                    chosen.append(float(known[np.argmin(found)] - known.min()))
            rows.values(where, "rank correlation of Spearman, median", "all", name, ranks, "median")
            rows.values(where, "chosen lowest above the true lowest, mean (kcal/mol)", "all", name, chosen, "mean")


def _ensembles(test: _Test) -> dict[str, list[Group]]:
    """Conformers of flexible molecules by level: minima, and where a store has relaxations the end of each."""
    stores = {
        DFT: (EVALUATION / "conformers.parquet", DATA / "dft.parquet"),
        GFN2: (EVALUATION / "conformers.parquet", DATA / "gfn2_flexible.parquet"),
    }
    found = {}
    for level, paths in stores.items():
        ends = [group.only(_ends(group, level)) for group in _at_level(test.groups(paths), level)]
        found[level] = [
            group
            for group in ends
            if group.molecule.n_fragments == 1 and group.molecule.n_conformers >= _FEWEST_CONFORMERS
        ]
    return found


def _ends(group: Group, level: str) -> list[int]:
    """Places of minima; of a relaxation, whose energies fall, the last geometry."""
    known = group.energies[level]
    last = len(known) - 1
    return [
        place
        for place, kind in enumerate(group.kinds)
        if kind == "minimum" or (kind == "displaced" and (place == last or known[place + 1] > known[place]))
    ]


def _spearman(found: FloatArray, known: FloatArray) -> float:
    return agreement("", "", found, known).spearman


def _drug_sized(models: Mapping[str, Model], test: _Test, rows: _Rows) -> None:
    store = DATA / "qmugs.parquet"
    if not store.exists():
        return
    groups, training = test.groups([store]), test.training(store)
    for level in (DFT, GFN2):
        where = f"drug-sized molecules (QMugs), {level}"
        found = [_minima(group) for group in _at_level(groups, level)]
        found = [group for group in found if group.molecule.n_conformers]
        methods = {name: model for name, model in models.items() if level_of_theory(model) == level}
        errors: dict[str, list[FloatArray]] = {
            name: [_energies(name, model, group) - group.energies[level] for group in found]
            for name, model in methods.items()
        }
        if level == DFT:
            errors |= _shifted(found, [_minima(group) for group in _at_level(training, DFT)])
        for kind, chosen in (("all", ""), ("a row's own geometry", "minimum_gfn2_matched")):
            for name, values in errors.items():
                part = [
                    one[[not chosen or detail == chosen for detail in group.details]]
                    for one, group in zip(values, found, strict=True)
                ]
                rows.errors(where, "total energy, mean absolute error (kcal/mol)", kind, name, part, "mae")
                rows.errors(where, "total energy, bias (kcal/mol)", kind, name, part, "mean_signed")


def _minima(group: Group) -> Group:
    return group.only([place for place, kind in enumerate(group.kinds) if kind == "minimum"])


def _shifted(found: Sequence[Group], training: Sequence[Group]) -> dict[str, list[FloatArray]]:
    """Errors of GFN2-xTB at the same geometries, with one constant an element fitted to the training part."""
    fitted = [group for group in training if group.molecule.n_conformers and GFN2 in group.energies]
    rows = [(element_counts(group.molecule), group.energies[DFT][0] - group.energies[GFN2][0]) for group in fitted]
    rows = [(counts, difference) for counts, difference in rows if np.isfinite(difference)]
    if len(rows) < 3 * len(element_counts(found[0].molecule) if found else ()) or not rows:
        return {}
    shift = np.linalg.lstsq(np.array([counts for counts, _ in rows]), np.array([value for _, value in rows]))[0]
    unknown = [np.full(group.molecule.n_conformers, np.nan) for group in found]
    return {
        GFN2: [
            group.energies.get(GFN2, nothing) + element_counts(group.molecule) @ shift - group.energies[DFT]
            for group, nothing in zip(found, unknown, strict=True)
        ]
    }


def _contacts(models: Mapping[str, Model], test: _Test, rows: _Rows) -> None:
    stores = {
        DFT: (DATA / "dft_contacts.parquet", DATA / "dft.parquet"),
        GFN2: (DATA / "gfn2_contacts.parquet",),
    }
    for level, paths in stores.items():
        where = f"contacts, {level}"
        pairs = [group for group in _at_level(test.groups(paths), level) if group.molecule.n_fragments == 2]
        for name, method in {**models, **_peers(level)}.items():
            by_class: dict[str, list[FloatArray]] = defaultdict(list)
            for pair in pairs:
                errors = _energies(name, method, pair) - pair.energies[level]
                for kind in ("all", contact_class(pair)):
                    by_class[kind].append(errors)
            for kind in sorted(by_class, key=lambda kind: (kind != "all", kind)):
                rows.errors(where, "interaction energy, RMSE (kcal/mol)", kind, name, by_class[kind], "rmse")
                bias = "interaction energy, bias, negative binds too strongly (kcal/mol)"
                rows.errors(where, bias, kind, name, by_class[kind], "mean_signed")


def contact_class(pair: Group) -> str:
    """The class of a pair, by the family that its task names."""
    name = CONTACT_CLASSES.get(pair.task.rsplit(".", 1)[-1], "other")
    return _WITH_HEAVIER if name == "hydrogen bonds" and np.isin(pair.molecule.numbers, _HEAVIER).any() else name


def _relaxation(models: Mapping[str, Model], test: _Test, rows: _Rows) -> None:
    small = [_minima(group) for group in _at_level(test.groups([DATA / "gfn2_torsions.parquet"]), GFN2)]
    alone: dict[tuple[str, ...], Group] = {}
    for group in small:
        if group.molecule.n_conformers:
            alone.setdefault(group.key, group.only([0]))
    flexible = _ensembles(test)[GFN2]
    where = f"relaxation from minima of {GFN2}"
    for name, model in models.items():
        kept, moved, order = [], [], []
        for group in [*list(alone.values())[:_MOST_RELAXED], *flexible[:_MOST_RELAXED]]:
            start = group.molecule
            try:
                ends = relax(start, model, max_steps=_RELAXATION_STEPS).conformers
            except (EngineError, MoleculeError):
                continue
            kept.append(float(all(not connectivity_changes(start, end.positions) for end in ends)))
            moved.append(
                float(np.mean([heavy_rmsd(start, a, b.positions) for a, b in zip(start.positions, ends, strict=True)]))
            )
            if start.n_conformers >= _FEWEST_CONFORMERS:
                order.append(_spearman(np.array([end.energy for end in ends]), group.energies[GFN2]))
        rows.values(where, "share that keep all bonds (%)", "all", name, [100 * value for value in kept], "mean")
        rows.values(where, "RMSD of the heavy atoms, median (Angstrom)", "all", name, moved, "median")
        rows.values(where, "order of conformers, median Spearman", "all", name, order, "median")


def heavy_rmsd(molecule: Molecule, first: FloatArray, second: FloatArray) -> float:
    """Of the heavy atoms after the best superposition, each on itself, Angstrom."""
    mol = molecule.without_positions().to_rdkit()
    add_conformers(mol, np.stack([first, second]))
    heavy = np.flatnonzero(molecule.numbers > 1).tolist()
    return float(rdMolAlign.AlignMol(mol, mol, 0, 1, atomMap=list(zip(heavy, heavy, strict=True))))


#: Our own test sets by the name that commands use.
SETS: dict[str, Callable[[Mapping[str, Model], _Test, _Rows], None]] = {
    "torsions": _torsions,
    "conformers": _conformers,
    "drug-sized": _drug_sized,
    "contacts": _contacts,
    "relaxation": _relaxation,
}
