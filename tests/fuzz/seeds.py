"""What is altered: the saved corpus, presets and cards of ours, and small files of every binary format, made here."""

from __future__ import annotations

import json
import os
import shutil
import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from tests.small_network import SMALL_NETWORK
from tests.small_training import small_recipe
from tests.training.conftest import label_complex, label_molecule, write_store
from training.data.make_packs import make_packs
from training.data.pack import MOLECULES, load_pack
from training.loop.run_folder import RunFolder
from training.loop.state import resume_or_start
from training.recipes.optimization import Optimization
from training.recipes.recipe import PRESETS
from virialff.labels.schema import Label
from virialff.labels.store import LabelStore, write_parquet
from virialff.models.checkpoint import save_checkpoint
from virialff.settings import ASSETS, MODELS_VARIABLE, RUNS_VARIABLE

CORPUS = Path(__file__).parent / "corpus"
SETTINGS = Optimization(steps=20, batch_pairs=100, complex_batch_pairs=50)
#: Inputs that once failed begin with this; they are tried as they are.
FOUND = "found-"


@dataclass(frozen=True)
class Samples:
    """A folder with one small file or folder of each kind that is made."""

    folder: Path

    @property
    def store(self) -> Path:
        """A label store of finished chunks."""
        return self.folder / "store"

    @property
    def journal(self) -> Path:
        """The journal of a store that was not finished."""
        return self.folder / "open" / "part.journal"

    @property
    def parquet(self) -> Path:
        return self.folder / "labels.parquet"

    @property
    def packs(self) -> Path:
        return self.folder / "packs"

    @property
    def run(self) -> Path:
        """The folder of a training."""
        return self.folder / "run"

    @property
    def model(self) -> Path:
        return self.folder / "model"

    @property
    def archive(self) -> Path:
        """The model as a .zip."""
        return self.folder / "model.zip"


def make_samples(folder: Path) -> Samples:
    """Compute, store, pack and save a little; a few seconds."""
    samples = Samples(folder)
    molecules = [label_molecule(smiles, seed) for seed, smiles in enumerate(("C", "CO", "O", "N", "C=O", "CC"))]
    rows = [*molecules, label_complex(molecules[5][0], molecules[4][0])]
    labels = [label for task in rows for label in task]
    write_store(samples.store, labels)
    write_parquet(samples.parquet, LabelStore(samples.store).tables())
    with LabelStore(samples.folder / "open").writer("part") as writer:
        for task in rows[:3]:
            writer.append(task)
    (journal,) = (file for file in (samples.folder / "open").iterdir() if file.suffix != ".parquet")
    if journal != samples.journal:
        journal.rename(samples.journal)
    make_packs([samples.store], samples.packs, seed=3, fractions=(1.0, 0.0, 0.0))
    run = RunFolder(samples.run)
    run.path.mkdir()
    state = resume_or_start(run, SMALL_NETWORK, [SETTINGS], load_pack(samples.packs / MOLECULES).train, "cpu")
    state.begin_stage(SETTINGS)
    run.save_checkpoint(state.to_checkpoint())
    for step in (5, 10, 15):
        run.append_metrics({"step": step, "stage": 1, "seconds": 0.5, "learning_rate": 1e-3, "train_energy": 1.5})
    run.write_status("running", steps=20, step=15)
    card = json.loads((ASSETS / "models" / "foundation-gfn2" / "card.json").read_text())
    # Without the long lists, into which all alterations would go.
    card = {name: value for name, value in card.items() if name not in {"sha256", "metrics", "training"}}
    card |= {"metrics": {"held out": {"energy_kcal_mol": {"mae": 1.5, "rmse": 2.0, "n_values": 3}}}, "training": {}}
    save_checkpoint(samples.model, state.average, state.baseline, card | {"name": "small", "elements": list("HCNO")})
    with zipfile.ZipFile(samples.archive, "w", zipfile.ZIP_DEFLATED) as archive:
        for file in samples.model.iterdir():
            archive.write(file, file.name)
    return samples


def texts(kind: str) -> list[bytes]:
    """The saved inputs of a kind, those aside that once failed."""
    return [file.read_bytes() for file in sorted((CORPUS / kind).glob("*")) if not file.name.startswith(FOUND)]


def found() -> list[tuple[str, Path]]:
    """Kind and file of every input that once failed."""
    return [(file.parent.name, file) for file in sorted(CORPUS.glob(f"*/{FOUND}*"))]


def presets(*, campaigns: bool) -> list[bytes]:
    """Recipes or label campaigns that ship."""
    return [path.read_bytes() for path in sorted(PRESETS.glob("*.yaml")) if path.stem.startswith("labels") == campaigns]


def rows(folder: Path) -> list[Label]:
    """All rows of a label store."""
    return list(LabelStore(folder).labels())


def recipe(file: Path, store: Path, optimization: dict[str, Any]) -> Path:
    """Write a recipe for a small network on this store."""
    content = small_recipe(store)
    content["optimization"] |= optimization
    content["data"]["fractions"] = [1.0, 0.0, 0.0]
    file.write_text(yaml.safe_dump(content))
    return file


def own_folders(folder: Path) -> None:
    """Let models and runs of this process lie in a folder of its own."""
    for variable, name in ((MODELS_VARIABLE, "models"), (RUNS_VARIABLE, "runs")):
        place = folder / name
        shutil.rmtree(place, ignore_errors=True)
        place.mkdir(parents=True)
        os.environ[variable] = str(place)
