"""The configuration of a label campaign: a YAML file, checked."""

import hashlib
import json
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from training.recipes.yaml import load_yaml
from training.slurm import SlurmConfig


class Section(BaseModel):
    """A part of the configuration: unknown keys are errors, values do not change."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class MoleculesConfig(Section):
    """How single molecules are labelled at GFN2-xTB."""

    per_element: int = Field(default=300, ge=0, description="molecules wanted with each of P, Br, F, S, Cl")
    min_heavy: int = Field(default=1, ge=1, description="smallest number of heavy atoms")
    max_heavy: int = Field(default=30, ge=1, description="largest number of heavy atoms")
    n_conformers: int = Field(default=4, ge=1, description="conformers of each molecule")
    n_geometries: int = Field(default=6, ge=1, description="geometries of each molecule, its minima among them")
    max_evaluations: int = Field(default=120, ge=1, description="budget of a relaxation")
    gradient_norm: float = Field(
        default=0.5, gt=0, description="largest force component at a minimum, kcal/mol/Angstrom"
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
        default=1.0, gt=0, description="largest force component at a minimum, kcal/mol/Angstrom"
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
        description="how many molecules to take from each pool: monomers, groups, phosphorus, nci, molsets, qm9, "
        "qm9_small or a SMILES file's path"
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
        default=0.2, gt=0, description="largest force component at a minimum, kcal/mol/Angstrom"
    )
    arrangements: int = Field(default=2, ge=1, description="of each complex, the first ones of its family")
    element_share: float = Field(
        default=0.08,
        ge=0,
        le=0.2,
        description="share of each window's molecules that should hold each of P, Br, F, S, Cl",
    )
    split_seed: int = Field(
        default=2026, description="the split that `held_out_only` means: as in the recipes that train on these labels"
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
    held_out_only: bool = Field(default=False, description="only molecules that the split holds out for testing")
    complexes: PairCounts = Field(default=PairCounts(), description="pairs to draw of each family")


class ReferencesConfig(Section):
    """Reference energies of the evaluation sets."""

    n_conformers: int = Field(default=10, ge=2, description="started for each molecule of the conformer set")
    further_conformers: int = Field(
        default=0,
        ge=0,
        description="started later for each of them; only minima that the first ones did not give are computed",
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
    slurm: SlurmConfig = Field(
        default=SlurmConfig(), description="per worker; one that comes to the end of its time is followed by another"
    )
    rounds: tuple[Round, ...] = Field(default=(), description="draws for GFN2-xTB")
    dft_rounds: tuple[DftRound, ...] = Field(default=(), description="draws for DFT")
    references: ReferencesConfig | None = Field(
        default=None, description="reference energies of the evaluation sets, if they are wanted"
    )
    molecules: MoleculesConfig = Field(default=MoleculesConfig(), description="labels of molecules at GFN2-xTB")
    complexes: ComplexesConfig = Field(default=ComplexesConfig(), description="labels of pairs at GFN2-xTB")
    dft: DftConfig = Field(default=DftConfig(), description="labels at DFT")

    def draws(self) -> dict[str, Any]:
        """What decides which tasks there are, as JSON values."""
        return self.model_dump(mode="json", include=set(_DRAWS))

    def settings_sha256(self) -> str:
        """Of what decides the rows of a task: not of where it runs, nor of which tasks there are."""
        content = self.model_dump(mode="json", exclude={*_WHERE, *_DRAWS})
        return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()


#: Entries that decide where and when a task is computed, and those that decide which tasks there are.
_WHERE = ("folder", "known", "tasks_per_chunk", "seconds_per_task", "cluster", "workers", "threads", "gpus", "slurm")
_DRAWS = ("beside", "rounds", "dft_rounds", "references")


def load_campaign(path: Path) -> CampaignConfig:
    """Read a campaign's YAML file. Raises ConfigError with the file, the line and the key of what is wrong."""
    return load_yaml(path, CampaignConfig, "configuration")
