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

    per_element: int = Field(default=300, ge=0)  #: molecules wanted with each of P, Br, F, S, Cl
    min_heavy: int = Field(default=1, ge=1)
    max_heavy: int = Field(default=30, ge=1)
    n_conformers: int = Field(default=4, ge=1)
    n_geometries: int = Field(default=6, ge=1)
    max_evaluations: int = Field(default=120, ge=1)  #: budget of a relaxation
    gradient_norm: float = Field(default=0.5, gt=0)  #: largest force component at a minimum, kcal/mol/Angstrom


class ComplexesConfig(Section):
    """How pairs of molecules are labelled at GFN2-xTB."""

    max_heavy: int = Field(default=10, ge=1)
    monomer_share: float = Field(default=0.5, ge=0, le=1)  #: probability that a partner is one of our small monomers
    displaced_share: float = Field(
        default=0.3, ge=0, le=1
    )  #: share of pairs whose frozen monomers are off their minimum
    max_evaluations: int = Field(default=50, ge=1)
    gradient_norm: float = Field(default=1.0, gt=0)


class PairCounts(Section):
    """How many pairs to draw of each family."""

    contact: int = Field(default=0, ge=0)
    hydrogen_bond: int = Field(default=0, ge=0)
    stack: int = Field(default=0, ge=0)
    relaxed: int = Field(default=0, ge=0)
    pushed: int = Field(default=0, ge=0)


class Round(Section):
    """One draw of molecules and pairs. A later round adds to the earlier ones and leaves them as they are."""

    #: how many molecules to take from each pool: monomers, groups, phosphorus, nci, molsets, qm9, qm9_small
    #: or a SMILES file's path
    pools: dict[str, int]
    relaxed_fraction: float = Field(default=0.35, ge=0, le=1)  #: share of the molecules that get a GFN2-xTB minimum too
    relaxed_fraction_large: float = Field(default=0.1, ge=0, le=1)  #: the same above 16 heavy atoms, where it is dear
    complexes: PairCounts = PairCounts()


class DftConfig(Section):
    """How molecules and complexes are labelled at wB97X-D/def2-SVP: at minima of GFN2-xTB."""

    n_conformers: int = Field(default=3, ge=1)  #: of the molecules that get several
    #: where conformers come from before GFN2-xTB relaxes them: ETKDG and MMFF, or the program crest
    conformers: Literal["etkdg", "crest"] = "etkdg"
    max_evaluations: int = Field(default=300, ge=1)  #: budget of a relaxation
    gradient_norm: float = Field(default=0.2, gt=0)  #: largest force component at a minimum, kcal/mol/Angstrom
    arrangements: int = Field(default=2, ge=1)  #: of each complex, the first ones of its family
    #: share of each window's molecules that should hold each of P, Br, F, S, Cl
    element_share: float = Field(default=0.08, ge=0, le=0.2)
    #: the split that `held_out_only` means: as in the recipes that train on these labels
    split_seed: int = 2026
    fractions: tuple[float, float, float] = (0.88, 0.04, 0.08)


class SizeWindow(Section):
    """How many molecules to take with so many heavy atoms."""

    min_heavy: int = Field(ge=1)
    max_heavy: int = Field(ge=1)
    count: int = Field(ge=0)


class DftRound(Section):
    """One draw of molecules and pairs for DFT. A later round adds to the earlier ones and leaves them as they are."""

    pools: tuple[str, ...] = ()
    sizes: tuple[SizeWindow, ...] = ()
    #: files with the conformers of one molecule each (SDF, or XYZ such as CREST's), labelled instead of new ones
    ensembles: tuple[Path, ...] = ()
    several_conformers: float = Field(default=0.0, ge=0, le=1)  #: share of the molecules that get several conformers
    held_out_only: bool = False  #: only molecules that the split holds out for testing
    complexes: PairCounts = PairCounts()


class ReferencesConfig(Section):
    """Reference energies of the evaluation sets."""

    n_conformers: int = Field(default=10, ge=2)  #: started for each molecule of the conformer set
    #: started later for each of them; only minima that the first ones did not give are computed
    further_conformers: int = Field(default=0, ge=0)


class CampaignConfig(Section):
    """A label campaign."""

    folder: Path
    seed: int
    known: tuple[Path, ...] = ()  #: stores of earlier campaigns: tasks that they hold are taken over, not computed
    #: stores that this campaign's labels will lie beside: tasks that they hold are left out of it
    beside: tuple[Path, ...] = ()
    tasks_per_chunk: int = Field(default=40, ge=1)
    #: a task that takes longer is recorded as a failure; None: no limit
    seconds_per_task: float | None = Field(default=None, gt=0)
    cluster: Literal["local", "slurm"] = "local"
    workers: int = Field(default=1, ge=1)
    threads: int = Field(default=1, ge=1)  #: of each worker; more only cost for molecules of GFN2-xTB's size
    gpus: int = Field(default=0, ge=0)  #: that each worker may use
    slurm: SlurmConfig = SlurmConfig()  #: per worker; one that comes to the end of its time is followed by another
    rounds: tuple[Round, ...] = ()
    dft_rounds: tuple[DftRound, ...] = ()
    references: ReferencesConfig | None = None
    molecules: MoleculesConfig = MoleculesConfig()
    complexes: ComplexesConfig = ComplexesConfig()
    dft: DftConfig = DftConfig()

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
