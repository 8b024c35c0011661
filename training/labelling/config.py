"""The configuration of a label campaign: a YAML file, checked."""

import hashlib
import json
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from training.recipes.yaml import load_yaml
from training.slurm import SlurmAsked
from virialff.labels.splits import Split


class Section(BaseModel):
    """A part of the configuration: unknown keys are errors, values do not change."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class MoleculesConfig(Section):
    """How single molecules are labelled at GFN2-xTB."""

    per_element: int = Field(default=300, ge=0, description="molecules wanted with each of P, Br, F, S, Cl")
    min_heavy: int = Field(default=1, ge=1, description="smallest number of heavy atoms")
    max_heavy: int = Field(default=30, ge=1, description="largest number of heavy atoms")
    n_conformers: int = Field(default=4, ge=1, description="conformers of each molecule")
    n_geometries: int = Field(
        default=6, ge=1, description="geometries of each molecule; its minima alone where not more than conformers"
    )
    max_evaluations: int = Field(default=120, ge=1, description="budget of a relaxation")
    gradient_norm: float = Field(
        default=0.5, gt=0, description="largest force on an atom at a minimum, kcal/mol/Angstrom"
    )


class ComplexesConfig(Section):
    """How pairs of molecules are labelled at GFN2-xTB."""

    max_heavy: int = Field(default=10, ge=1, description="largest number of heavy atoms of each partner")
    monomer_share: float = Field(
        default=0.5, ge=0, le=1, description="probability that a partner is one of our small monomers"
    )
    displaced_share: float = Field(
        default=0.3, ge=0, le=1, description="share of pairs whose frozen monomers are off their minimum"
    )
    max_evaluations: int = Field(default=50, ge=1, description="budget of a relaxation")
    gradient_norm: float = Field(
        default=1.0, gt=0, description="largest force on an atom at a minimum, kcal/mol/Angstrom"
    )


class PairCounts(Section):
    """How many pairs to draw of each family."""

    contact: int = Field(default=0, ge=0, description="two random orientations, at three distances")
    hydrogen_bond: int = Field(default=0, ge=0, description="a donor that points at an acceptor")
    stack: int = Field(default=0, ge=0, description="mean planes parallel")
    relaxed: int = Field(default=0, ge=0, description="relaxed at GFN2-xTB")
    pushed: int = Field(default=0, ge=0, description="relaxed at GFN2-xTB, then pushed together")


class Round(Section):
    """One draw of molecules and pairs. A later round adds to the earlier ones and leaves them as they are."""

    pools: dict[str, int] = Field(
        description="how many molecules to take from each pool: monomers, groups, phosphorus, nci, molsets, "
        "chembl, qm9, qm9_small or a SMILES file's path"
    )
    relaxed_fraction: float = Field(
        default=0.35, ge=0, le=1, description="share of the molecules that get a GFN2-xTB minimum too"
    )
    relaxed_fraction_large: float = Field(
        default=0.1, ge=0, le=1, description="the same above 16 heavy atoms, where it is dear"
    )
    complexes: PairCounts = Field(default=PairCounts(), description="pairs to draw of each family")


class DftConfig(Section):
    """How molecules and complexes are labelled at wB97X-D/def2-SVP: at minima of GFN2-xTB."""

    n_conformers: int = Field(default=3, ge=1, description="of the molecules that get several")
    conformers: Literal["etkdg", "crest"] = Field(
        default="etkdg",
        description="where conformers come from before GFN2-xTB relaxes them: ETKDG and MMFF, or the program crest",
    )
    max_evaluations: int = Field(default=300, ge=1, description="budget of a relaxation")
    gradient_norm: float = Field(
        default=0.2, gt=0, description="largest force on an atom at a minimum, kcal/mol/Angstrom"
    )
    arrangements: int = Field(default=2, ge=1, description="of each complex, the first ones of its family")
    densities: bool = Field(
        default=True,
        description="of molecules: dipole, charges and kinetic energies too; without them it takes half the time",
    )
    element_share: float = Field(
        default=0.08,
        ge=0,
        le=0.2,
        description="share of each window's molecules that should hold each of P, Br, F, S, Cl",
    )
    split_seed: int = Field(
        default=2026, description="the split that `part` means: as in the recipes that train on these labels"
    )
    fractions: tuple[float, float, float] = Field(
        default=(0.88, 0.04, 0.08), description="shares of train, validation and test of that split"
    )


class SizeWindow(Section):
    """How many molecules to take with so many heavy atoms."""

    min_heavy: int = Field(ge=1, description="smallest number of heavy atoms")
    max_heavy: int = Field(ge=1, description="largest number of heavy atoms")
    count: int = Field(ge=0, description="molecules to take")


class DftRound(Section):
    """One draw of molecules and pairs for DFT. A later round adds to the earlier ones and leaves them as they are."""

    pools: tuple[str, ...] = Field(default=(), description="where molecules are drawn from: as in `rounds`")
    sizes: tuple[SizeWindow, ...] = Field(default=(), description="how many molecules to draw of which sizes")
    ensembles: tuple[Path, ...] = Field(
        default=(),
        description="files with the conformers of one molecule each (SDF, or XYZ such as CREST's), labelled instead of "
        "new ones",
    )
    several_conformers: float = Field(
        default=0.0, ge=0, le=1, description="share of the molecules that get several conformers"
    )
    part: Split | None = Field(default=None, description="only molecules of this part of the split (default: of all)")
    complexes: PairCounts = Field(default=PairCounts(), description="pairs to draw of each family")


class ReferencesConfig(Section):
    """Reference energies of the evaluation sets."""

    n_conformers: int = Field(default=10, ge=2, description="started for each molecule of the conformer set")
    further_conformers: int = Field(
        default=0,
        ge=0,
        description="started later for each of them; only minima that the first ones did not give are computed",
    )


class TorsionsConfig(Section):
    """Which bonds are turned and how: GFN2-xTB relaxed with the torsion held, DFT at the same points."""

    smiles: Path | None = Field(
        default=None, description="a SMILES file of molecules of which every rotatable bond is turned first"
    )
    pools: tuple[str, ...] = Field(
        default=(), description="where the kinds of rotatable bond are looked for, as in `rounds`"
    )
    per_kind: int = Field(default=2, ge=1, description="fragments of each kind of bond")
    min_occurrences: int = Field(default=1, ge=1, description="of a kind in the pools, below which it is left out")
    min_heavy: int = Field(default=4, ge=2, description="smallest number of heavy atoms of a fragment")
    max_heavy: int = Field(default=14, ge=2, description="largest number of heavy atoms of a fragment")
    n_conformers: int = Field(default=3, ge=1, description="conformers, of which the lowest is where the scan starts")
    points: int = Field(default=24, ge=4, description="on the full turn; a threefold end needs a third of them")
    max_evaluations_free: int = Field(default=60, ge=1, description="budget of the relaxation before the scan")
    max_evaluations: int = Field(default=20, ge=1, description="budget of the relaxation at each point")
    gradient_norm: float = Field(
        default=1.0,
        gt=0,
        description="largest force on an atom where a relaxation ends, without that of the torsion, kcal/mol/Angstrom",
    )
    dft_count: int = Field(
        default=0, ge=0, description="of these torsions, the smallest ones, at wB97X-D/def2-SVP instead"
    )
    dft_every: int = Field(default=2, ge=1, description="which points of the scan DFT labels: every second, third, ...")


class QmugsRowsConfig(Section):
    """Rows of QMugs' summary whose level is carried to conformers of our own."""

    file: Path = Field(description="CSV with the columns of QMugs' summary and `smiles_qmugs`")
    max_heavy: int = Field(default=60, ge=1, description="largest number of heavy atoms")
    rigid: int = Field(default=2, ge=0, description="rotatable bonds up to which several conformers are tried")
    n_conformers: int = Field(
        default=3, ge=1, description="conformers of these, relaxed until one is the row's own geometry"
    )
    max_evaluations: int = Field(default=150, ge=1, description="budget of a relaxation")
    gradient_norm: float = Field(
        default=0.3, gt=0, description="largest force on an atom at a minimum, kcal/mol/Angstrom"
    )
    kept_steps: int = Field(default=4, ge=0, description="geometries on the way to each minimum that are labels too")


class ContactsConfig(Section):
    """How many pairs of each class of contact, small ones first."""

    pairs: dict[str, int] = Field(
        description="by class: halogen, chalcogen, pnictogen, oxo_acceptor, oxo_relaxed, acid_amide, hydrogen_bond, "
        "stack, alkane or repulsive"
    )
    dft: bool = Field(default=False, description="at wB97X-D/def2-SVP, as `dft` says, instead of GFN2-xTB")


class FlexibleConfig(Section):
    """Flexible molecules: conformers from folded to extended, along short relaxations at GFN2-xTB."""

    smiles: Path | None = Field(
        default=None, description="a SMILES file whose molecules come in turn with those of the pools"
    )
    pools: dict[str, int] = Field(default={}, description="how many molecules to take from each pool, as in `rounds`")
    min_heavy: int = Field(default=12, ge=1, description="smallest number of heavy atoms")
    max_heavy: int = Field(default=40, ge=1, description="largest number of heavy atoms")
    min_rotatable: int = Field(default=4, ge=0, description="smallest number of rotatable bonds")
    n_embedded: int = Field(default=30, ge=1, description="ETKDG conformers to choose from")
    n_conformers: int = Field(default=6, ge=1, description="chosen of these, evenly spaced in their radius of gyration")
    kept_steps: int = Field(default=5, ge=1, description="geometries along each relaxation that are labels")
    max_evaluations: int = Field(default=15, ge=1, description="length of a relaxation")
    gradient_norm: float = Field(
        default=0.5, gt=0, description="largest force on an atom at a minimum, kcal/mol/Angstrom"
    )


class CampaignConfig(Section):
    """A label campaign."""

    folder: Path = Field(description="of the campaign: its store, its plan and its log")
    seed: int = Field(description="of all draws")
    known: tuple[Path, ...] = Field(
        default=(), description="stores of earlier campaigns: tasks that they hold are taken over, not computed"
    )
    beside: tuple[Path, ...] = Field(
        default=(),
        description="stores that this campaign's labels will lie beside: tasks that they hold are left out of it",
    )
    tasks_per_chunk: int = Field(default=40, ge=1, description="tasks that a worker takes at once")
    seconds_per_task: float | None = Field(
        default=None, gt=0, description="a task that takes longer is recorded as a failure; None: no limit"
    )
    cluster: Literal["local", "slurm"] = Field(default="local", description="where the workers run")
    workers: int = Field(default=1, ge=1, description="processes that compute tasks at the same time")
    threads: int = Field(default=1, ge=1, description="of each worker; more only cost for molecules of GFN2-xTB's size")
    gpus: int = Field(default=0, ge=0, description="that each worker may use")
    slurm: SlurmAsked = Field(
        default=SlurmAsked(), description="per worker; one that comes to the end of its time is followed by another"
    )
    rounds: tuple[Round, ...] = Field(default=(), description="draws for GFN2-xTB")
    dft_rounds: tuple[DftRound, ...] = Field(default=(), description="draws for DFT")
    references: ReferencesConfig | None = Field(
        default=None, description="reference energies of the evaluation sets, if they are wanted"
    )
    torsions: TorsionsConfig | None = Field(default=None, description="bonds to turn, if any are wanted")
    qmugs_rows: QmugsRowsConfig | None = Field(default=None, description="rows of QMugs to label, if any are wanted")
    contacts: ContactsConfig | None = Field(default=None, description="contacts to label, if any are wanted")
    flexible: FlexibleConfig | None = Field(default=None, description="flexible molecules to label, if any are wanted")
    molecules: MoleculesConfig = Field(default=MoleculesConfig(), description="labels of molecules at GFN2-xTB")
    complexes: ComplexesConfig = Field(default=ComplexesConfig(), description="labels of pairs at GFN2-xTB")
    dft: DftConfig = Field(default=DftConfig(), description="labels at DFT")

    def draws(self) -> dict[str, Any]:
        """What decides which tasks there are, as JSON values."""
        return self.model_dump(mode="json", include=set(_DRAWS))

    def settings_sha256(self) -> str:
        """Of what decides the rows of a task: not of where it runs, nor of which tasks there are."""
        content = self.model_dump(mode="json", exclude={*_WHERE, *_DRAWS})
        # A part that the campaign lacks does not count, so that folders from before there was such a part stay its own.
        content = {name: value for name, value in content.items() if value is not None}
        if content["dft"]["densities"]:
            # The same of an entry that came later.
            del content["dft"]["densities"]
        return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()


#: Entries that decide where and when a task is computed, and those that decide which tasks there are.
_WHERE = ("folder", "known", "tasks_per_chunk", "seconds_per_task", "cluster", "workers", "threads", "gpus", "slurm")
_DRAWS = ("beside", "rounds", "dft_rounds", "references")


def load_campaign(path: Path) -> CampaignConfig:
    """Read a campaign's YAML file. Raises ConfigError with the file, the line and the key of what is wrong."""
    return load_yaml(path, CampaignConfig, "configuration")
