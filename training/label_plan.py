"""What a label campaign computes: its configuration, and the list of molecules and complexes drawn from it."""

import fcntl
import gzip
import hashlib
import json
import os
import random
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError
from rdkit import Chem

from training import pools
from training.geometries import seed_of
from virialff.datasets.evaluation import evaluation_reason
from virialff.errors import ConfigError

PLAN_SCHEMA = "virialff-label-plan/1"
#: Pools too large to clean whole are thinned at random to this many candidates first.
CANDIDATES = 6000

# A polar hydrogen beside an acceptor, over one carbon: acids, amides, amidines, lactams pair up with two bonds.
_BIDENTATE = Chem.MolFromSmarts("[#7,#8;!H0]~[#6]~[#7X2,#8X1,#16X1]")
_DONOR = Chem.MolFromSmarts("[$([#7,#8,#9,#16,Cl,Br;!H0]),$([CX2H]#*)]")
_ACCEPTOR = Chem.MolFromSmarts("[O,o,#16,F,Cl,Br,$([#7;!H0;X3;!$(N~[!#6;!#1]);!$(N-*=,:*)]),$([#7X2]),$([NX1])]")


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class MoleculesConfig(_Strict):
    """Single molecules of a campaign."""

    #: how many molecules to take from each pool: monomers, phosphorus, nci, molsets, qm9, or a SMILES file's path
    pools: dict[str, int]
    per_element: int = Field(300, ge=0)  #: molecules wanted with each of P, Br, F, S, Cl
    min_heavy: int = Field(1, ge=1)
    max_heavy: int = Field(30, ge=1)
    n_conformers: int = Field(4, ge=1)
    n_geometries: int = Field(6, ge=1)
    relaxed_fraction: float = Field(0.35, ge=0, le=1)  #: share of the molecules that get a GFN2-xTB minimum too
    relaxed_fraction_large: float = Field(0.1, ge=0, le=1)  #: the same above 16 heavy atoms, where it is dear
    max_evaluations: int = Field(120, ge=1)  #: budget of a relaxation
    gradient_norm: float = Field(0.5, gt=0)  #: largest force component at a minimum, kcal/mol/Angstrom


class ComplexesConfig(_Strict):
    """Complexes of a campaign: pairs of molecules by family, several arrangements a pair."""

    max_heavy: int = Field(10, ge=1)
    monomer_share: float = Field(0.5, ge=0, le=1)  #: probability that a partner is one of our small monomers
    contact: int = Field(0, ge=0)
    hydrogen_bond: int = Field(0, ge=0)
    stack: int = Field(0, ge=0)
    relaxed: int = Field(0, ge=0)
    displaced_share: float = Field(0.3, ge=0, le=1)  #: share of pairs whose frozen monomers are off their minimum
    max_evaluations: int = Field(50, ge=1)
    gradient_norm: float = Field(1.0, gt=0)


class LabelConfig(_Strict):
    """A label campaign at GFN2-xTB."""

    folder: Path
    seed: int
    molecules_per_shard: int = Field(50, ge=1)
    complexes_per_shard: int = Field(40, ge=1)
    molecules: MoleculesConfig
    complexes: ComplexesConfig

    def sha256(self) -> str:
        """Of everything but the folder: labels of another recipe must not mix with these."""
        content = self.model_dump_json(exclude={"folder"})
        return hashlib.sha256(content.encode()).hexdigest()


def load_config(path: Path) -> LabelConfig:
    """Read a campaign's YAML file. Raises ConfigError naming the first entry that is wrong."""
    try:
        content = yaml.safe_load(path.read_text(encoding="utf-8"))
        return LabelConfig.model_validate(content)
    except OSError as error:
        raise ConfigError(f"The configuration {path} cannot be read ({error.strerror}).") from error
    except yaml.YAMLError as error:
        raise ConfigError(f"The configuration {path} is not valid YAML: {error}.") from error
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(str(part) for part in first["loc"]) or "the top level"
        raise ConfigError(f"The configuration {path} is wrong at {place}: {first['msg']}.") from error


@dataclass(frozen=True)
class MoleculeTask:
    """One molecule to label; `relaxed`: with a GFN2-xTB minimum."""

    inchikey: str
    smiles: str
    source: str
    relaxed: bool


@dataclass(frozen=True)
class ComplexTask:
    """One pair of molecules to label; `family` says how it is arranged."""

    inchikeys: tuple[str, str]
    smiles: tuple[str, str]
    family: str
    displaced: bool

    @property
    def key(self) -> str:
        """Identifies the task within its campaign."""
        return f"{self.inchikeys[0]}.{self.inchikeys[1]}.{self.family}"


@dataclass(frozen=True)
class Plan:
    """The tasks of a campaign in the order of work, and what was refused (smiles or pair, reason)."""

    config_sha256: str
    molecules: tuple[MoleculeTask, ...]
    complexes: tuple[ComplexTask, ...]
    refused: tuple[tuple[str, str], ...]


def make_plan(config: LabelConfig, say: Callable[[str], None] = print) -> Plan:
    """Draw the molecules and pairs. Molecules and pairs kept for evaluation are refused and listed as such."""
    chosen: dict[str, pools.PoolMolecule] = {}
    refused: list[tuple[str, str]] = []
    have: Counter[str] = Counter()
    for name, count in config.molecules.pools.items():
        candidates, reasons = pools.clean_pool(
            _smiles(name, config.seed),
            name,
            min_heavy=config.molecules.min_heavy,
            max_heavy=config.molecules.max_heavy,
        )
        refused += [(name, reason) for reason in reasons]
        free = []
        for molecule in candidates:
            reason = evaluation_reason(molecule.inchikey)
            if reason:
                refused.append((molecule.smiles, reason))
            elif molecule.inchikey not in chosen:
                free.append(molecule)
        picked = pools.spread_subset(free, count, per_element=config.molecules.per_element, have=have, seed=config.seed)
        chosen.update({molecule.inchikey: molecule for molecule in picked})
        say(f"pool {name}: {len(candidates)} clean, {len(reasons)} refused, {len(picked)} chosen")
    if not chosen:
        raise ConfigError("The pools of this campaign hold no molecule that can be labelled; name others.")
    molecules = [_molecule_task(molecule, config) for molecule in chosen.values()]
    random.Random(config.seed).shuffle(molecules)
    complexes = _complex_tasks(list(chosen.values()), config, refused)
    return Plan(config.sha256(), tuple(molecules), tuple(complexes), tuple(refused))


def _smiles(pool: str, seed: int) -> Iterable[str]:
    readers: dict[str, Callable[[], Iterable[str]]] = {
        "monomers": pools.monomers,
        "phosphorus": lambda: pools.sample_lines(pools.phosphorus_compounds(), 2000, seed),
        "nci": pools.read_nci,
        "molsets": lambda: pools.sample_lines(
            pools.read_molsets(pools.fetch_wheel("molsets", pools.pool_folder())), CANDIDATES, seed
        ),
        "qm9": lambda: pools.sample_lines(
            pools.read_qm9(pools.fetch_wheel("qm9pack", pools.pool_folder())), CANDIDATES, seed
        ),
    }
    if pool in readers:
        return readers[pool]()
    if Path(pool).is_file():
        return pools.read_smiles_file(Path(pool))
    raise ConfigError(f"There is no pool {pool!r}: use {', '.join(readers)}, or the path of a SMILES file.")


def _molecule_task(molecule: pools.PoolMolecule, config: LabelConfig) -> MoleculeTask:
    settings = config.molecules
    fraction = settings.relaxed_fraction if molecule.n_heavy <= 16 else settings.relaxed_fraction_large
    draw = seed_of(config.seed, molecule.inchikey, "relaxed") / 2**32
    return MoleculeTask(molecule.inchikey, molecule.smiles, molecule.source, draw < fraction)


def _complex_tasks(
    molecules: list[pools.PoolMolecule], config: LabelConfig, refused: list[tuple[str, str]]
) -> list[ComplexTask]:
    settings = config.complexes
    small = [molecule for molecule in molecules if molecule.n_heavy <= settings.max_heavy]
    generator = random.Random(config.seed)
    tasks: dict[str, ComplexTask] = {}
    for family in ("contact", "hydrogen_bond", "stack", "relaxed"):
        wanted = getattr(settings, family)
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
                family=family,
                displaced=generator.random() < settings.displaced_share,
            )
            turned = f"{task.inchikeys[1]}.{task.inchikeys[0]}.{family}"
            if task.key in tasks or turned in tasks:
                continue
            reason = evaluation_reason(task.inchikeys)
            if reason:
                refused.append((".".join(task.smiles), reason))
                continue
            tasks[task.key] = task
            made += 1
    ordered = list(tasks.values())
    generator.shuffle(ordered)
    return ordered


def _draw_pair(
    small: list[pools.PoolMolecule], family: str, monomer_share: float, generator: random.Random
) -> tuple[pools.PoolMolecule, pools.PoolMolecule] | None:
    patterns: tuple[Chem.Mol | None, Chem.Mol | None] = (None, None)
    if family == "hydrogen_bond":
        patterns = (_DONOR, _ACCEPTOR)
    elif family == "relaxed":
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


def stored_plan(config: LabelConfig, say: Callable[[str], None] = print) -> Plan:
    """The plan in the campaign's folder, made on the first call. ConfigError if it belongs to another recipe."""
    config.folder.mkdir(parents=True, exist_ok=True)
    path = config.folder / "plan.json.gz"
    with locked(config.folder / "plan.lock", wait=True):
        if not path.exists():
            plan = make_plan(config, say)
            content = {"schema": PLAN_SCHEMA, "config": config.model_dump(mode="json"), **asdict(plan)}
            temporary = path.with_name(f"{path.name}.tmp")
            temporary.write_bytes(gzip.compress(json.dumps(content).encode()))
            os.replace(temporary, path)
        content = json.loads(gzip.decompress(path.read_bytes()))
    if content["schema"] != PLAN_SCHEMA or content["config_sha256"] != config.sha256():
        raise ConfigError(
            f"The folder {config.folder} holds labels of another configuration: give this one its own folder."
        )
    return _plan(content)


def _plan(content: dict[str, Any]) -> Plan:
    complexes = (
        ComplexTask(tuple(task["inchikeys"]), tuple(task["smiles"]), task["family"], task["displaced"])
        for task in content["complexes"]
    )
    return Plan(
        config_sha256=content["config_sha256"],
        molecules=tuple(MoleculeTask(**task) for task in content["molecules"]),
        complexes=tuple(complexes),
        refused=tuple((name, reason) for name, reason in content["refused"]),
    )


@contextmanager
def locked(path: Path, *, wait: bool = False) -> Iterator[bool]:
    """Hold an advisory lock on `path`; yields whether it was got. The system frees it when the process ends."""
    with open(path, "a", encoding="utf-8") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX if wait else fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            yield False
            return
        yield True
