"""Which molecules and pairs a campaign labels at wB97X-D/def2-SVP: by size, from the pools, round after round."""

import random
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from training.labelling.config import CampaignConfig, DftRound, SizeWindow
from training.labelling.plan.draws import CleanPools, ComplexTask, draw_pairs
from training.labelling.structures import pools
from training.labelling.structures.geometries import seed_of
from virialff.errors import ConfigError
from virialff.labels.splits import Split, split_of
from virialff.molecules.molecule import Molecule

#: A pool gives at most so many candidates to a window, drawn at random, so that a large one does not crowd the others.
CANDIDATES = 1500


@dataclass(frozen=True)
class DftMoleculeTask:
    """One molecule to label at its lowest minima of GFN2-xTB."""

    inchikey: str
    smiles: str
    source: str
    n_conformers: int
    ensemble: str = ""  #: file with its conformers; without one they are searched

    @property
    def key(self) -> str:
        """Identifies the task within its campaign."""
        return f"dft_molecule/{self.inchikey}"


@dataclass(frozen=True)
class DftComplexTask(ComplexTask):
    """One pair of molecules to label, arranged as at GFN2-xTB."""

    @property
    def key(self) -> str:
        """Identifies the task within its campaign."""
        return f"dft_complex/{self.name}"


@dataclass(frozen=True)
class DftDraw:
    """The tasks of one round, in the order of work."""

    molecules: tuple[DftMoleculeTask, ...]
    complexes: tuple[DftComplexTask, ...]


def draw_dft_rounds(
    config: CampaignConfig, refused: list[tuple[str, str]], say: Callable[[str], None] = print
) -> Iterator[DftDraw]:
    """Draw the rounds one after the other; what a round draws depends on the earlier ones alone.

    `refused` and the errors are those of `draw_rounds`, and MoleculeError for an ensemble that cannot be read.
    """
    pool = CleanPools(config, refused)
    chosen: dict[str, pools.PoolMolecule] = {}
    pairs: dict[str, ComplexTask] = {}
    for number, settings in enumerate(config.dft_rounds):
        new: list[pools.PoolMolecule] = []
        for window in settings.sizes:
            picked = _draw_window(window, settings, pool, chosen, config)
            chosen.update({molecule.inchikey: molecule for molecule in picked})
            new += picked
            say(f"{window.min_heavy} to {window.max_heavy} heavy atoms: {len(picked)} of {window.count} chosen")
        if not new and any(window.count for window in settings.sizes):
            raise ConfigError(
                f"The pools of DFT round {number + 1} ({', '.join(settings.pools)}) hold no molecule of these sizes "
                "that is not in the campaign yet: name others."
            )
        generator = random.Random(config.seed + number)
        tasks = [_molecule_task(molecule, settings, config) for molecule in new]
        tasks += [_ensemble_task(path) for path in settings.ensembles]
        generator.shuffle(tasks)
        drawn = draw_pairs(list(chosen.values()), settings.complexes, config, pairs, refused, generator)
        complexes = [DftComplexTask(t.inchikeys, t.smiles, t.sources, t.family, t.displaced) for t in drawn]
        yield DftDraw(tuple(tasks), tuple(complexes))


def _draw_window(
    window: SizeWindow,
    settings: DftRound,
    pool: CleanPools,
    chosen: dict[str, pools.PoolMolecule],
    config: CampaignConfig,
) -> list[pools.PoolMolecule]:
    candidates: dict[str, pools.PoolMolecule] = {}
    for name in settings.pools:
        fitting = [
            molecule
            for molecule in pool.clean(name)
            if window.min_heavy <= molecule.n_heavy <= window.max_heavy
            and molecule.inchikey not in chosen
            and settings.part in (None, _part(molecule, config))
        ]
        generator = random.Random(f"{config.seed}:{name}:{window.min_heavy}")
        kept = fitting if len(fitting) <= CANDIDATES else generator.sample(fitting, CANDIDATES)
        for molecule in kept:
            candidates.setdefault(molecule.inchikey, molecule)
    return pools.spread_subset(
        list(candidates.values()),
        window.count,
        per_element=round(config.dft.element_share * window.count),
        have=Counter(),
        seed=config.seed,
    )


def _part(molecule: pools.PoolMolecule, config: CampaignConfig) -> Split:
    return split_of(molecule.inchikey, seed=config.dft.split_seed, fractions=config.dft.fractions)


def _molecule_task(molecule: pools.PoolMolecule, settings: DftRound, config: CampaignConfig) -> DftMoleculeTask:
    draw = seed_of(config.seed, molecule.inchikey, "conformers") / 2**32
    several = draw < settings.several_conformers
    return DftMoleculeTask(
        molecule.inchikey, molecule.smiles, molecule.source, config.dft.n_conformers if several else 1
    )


def _ensemble_task(path: Path) -> DftMoleculeTask:
    molecule = Molecule.from_file(path)
    if molecule.n_fragments > 1:
        raise ConfigError(f"The ensemble {path} is of {molecule.n_fragments} molecules; give each a file of its own.")
    return DftMoleculeTask(molecule.inchikey, molecule.smiles, path.name, molecule.n_conformers, str(path.resolve()))
