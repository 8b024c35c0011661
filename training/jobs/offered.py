"""What pages start, by the names of what they offer: stores, campaigns and folders that ship, that the administrator
names or that were made here. No path that somebody types and no file that somebody uploads decides what runs."""

import re
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Literal

from training.jobs.control import FOLDER, find, start, start_command
from training.jobs.record import Following, Job
from training.jobs.runs import check_run_name, runs_with_metrics
from training.labelling.config import load_campaign
from training.labelling.own_molecules import write_campaign
from training.recipes.presets import check_recipe, label_sources, shown_path
from training.recipes.recipe import PRESETS, Recipe
from training.slurm import SlurmConfig
from virialff.access import require_write_access
from virialff.administrator import administration
from virialff.errors import ConfigError
from virialff.files import name_problem
from virialff.labels.formats.entry import format_of
from virialff.labels.schema import KINDS
from virialff.models.registry import check_new_name, registered_models
from virialff.settings import ASSETS, LABELS, models_folder, runs_folder
from virialff.units import ENERGY_UNITS

#: Purposes of what is started here, by which pages find it again.
IMPORT, CAMPAIGN, MODEL, RECEIVED = "import of labels", "label campaign", "model of a run", "model from elsewhere"
SWEEP = "sweep of settings"

#: Units of the positions of an import.
LENGTHS = ("angstrom", "bohr")


def label_stores() -> dict[str, Path]:
    """Label stores and Parquet files by their shown path."""
    return {shown_path(path): path for path in label_sources()}


def own_label_stores() -> dict[str, Path]:
    """Those of them that did not come with virialff: imported, computed here or of the administrator's folders."""
    return {name: path for name, path in label_stores().items() if path.parent != ASSETS / "data"}


def initial_weights() -> dict[str, Path]:
    """Models and runs whose weights a training can start with, by their shown path."""
    return {shown_path(path): path for path in [*(model.folder for model in registered_models()), *runs_with_metrics()]}


def campaigns() -> dict[str, Path]:
    """Configurations of label campaigns by name: those that ship, and the administrator's and those of molecules that
    were given here under other names."""
    found = {file.stem: file for file in PRESETS.glob("labels_*.yaml")}
    found = {file.parent.name: file for file in sorted(_own_campaigns().glob("*/campaign.yaml"))} | found
    for folder in administration().folders.campaigns:
        found = {file.stem: file for file in sorted(folder.glob("*.yaml"))} | found
    return dict(sorted(found.items()))


def _own_campaigns() -> Path:
    return LABELS.parent / "campaigns"


def new_campaign(name: str, molecules: bytes, suffix: str, *, level: str, conformers: int) -> Path:
    """Keep a campaign of these molecules, which `campaigns` then offers by this name; its configuration.

    It computes into the label store of the name. Raises ConfigError for what cannot be, ReadOnlyError.
    """
    require_write_access("A label campaign")
    store = new_store(name)
    if store.exists() or name in campaigns():
        raise ConfigError(f"There is a label store or a campaign {name} already: give another name.").of("name")
    return write_campaign(_own_campaigns() / name, store, molecules, suffix, level=level, conformers=conformers)


def qmugs_folders() -> dict[str, Path]:
    """Folders of the administrator with the files of QMugs, by path."""
    places = [path for root in administration().folders.qmugs for path in [root, *sorted(root.glob("*/"))]]
    return {str(path): path for path in places if (path / "summary.csv").is_file()}


def check_training(text: str) -> Recipe:
    """The recipe that this text is, if it names nothing but what is offered.

    Raises ConfigError with the key of the first thing that is wrong.
    """
    recipe = check_recipe(text)
    check_run_name(recipe.name)
    stores = {path.resolve() for path in label_stores().values()}
    for path in (*recipe.data.labels, *(recipe.companion.labels if recipe.companion else ())):
        if path.resolve() not in stores:
            raise ConfigError(f"{path} is not among the label stores that are offered here: give one of them")
    weights = {path.resolve() for path in initial_weights().values()}
    if recipe.initial is not None and recipe.initial.resolve() not in weights:
        raise ConfigError(f"{recipe.initial} is not among the models and runs that are offered here: give one of them")
    return recipe


def train(
    text: str,
    *,
    cluster: Literal["local", "slurm"] = "local",
    gpus: int = 0,
    partition: str | None = None,
    minutes: int = 720,
    memory_gb: float = 8.0,
    tensorboard: bool = False,
    model: str = "",
    compare: bool = True,
) -> Job:
    """Start a training by this recipe, as `control.start` does; the run has the recipe's name.

    tensorboard: write the metrics for TensorBoard too. model: on this machine, the name of the model that is made of
    the run once it has finished, measured beside the other methods where `compare`.
    """
    checked = check_training(text)
    then = None
    if model:
        check_new_name(model)
        run = str((runs_folder() / checked.name).absolute())
        then = Following(purpose=MODEL, subject=run, arguments=tuple(_ship(run, model, compare)))
    slurm = SlurmConfig(partition=partition, time_minutes=minutes, memory_gb=memory_gb)
    with tempfile.TemporaryDirectory(prefix="virialff-") as folder:
        recipe = Path(folder) / "recipe.yaml"
        recipe.write_text(text, encoding="utf-8")
        options = ["--tensorboard"] * tensorboard
        return start(recipe, cluster=cluster, gpus=gpus, slurm=slurm, options=options, then=then)


def sweep(
    text: str,
    name: str,
    varied: Sequence[str],
    *,
    trials: int,
    steps: int,
    measure: str,
    cluster: Literal["local", "slurm"] = "local",
    gpus: int = 0,
    partition: str | None = None,
    minutes: int = 720,
    memory_gb: float = 8.0,
) -> Job:
    """Start a sweep around this recipe in the folder of this name (`training.studies.sweep`); varied: as on the command
    line, such as "learning_rate=0.0005:0.005"."""
    from training.studies.sweep import SweepRequest, check_request

    recipe = check_training(text)
    check_run_name(name)
    folder = runs_folder() / name
    if folder.exists():
        raise ConfigError(f"There is a run or a sweep {name} already: give another name").of("name")
    check_request(SweepRequest(recipe.model_dump(mode="json"), tuple(varied), trials, steps, measure))
    arguments = ["sweep", f"{FOLDER}/recipe.yaml", "--folder", str(folder), f"--trials={trials}", f"--steps={steps}"]
    arguments += [f"--measure={measure}", *(f"--vary={entry}" for entry in varied)]
    return start_command(
        SWEEP,
        str(folder),
        arguments + ["--device=cuda"] * bool(gpus),
        files={"recipe.yaml": text.encode()},
        cluster=cluster,
        gpus=gpus,
        cores=max(stage.threads for stage in recipe.all_stages),
        slurm=SlurmConfig(partition=partition, time_minutes=minutes, memory_gb=memory_gb),
    )


def label(name: str, workers: int) -> Job:
    """Start the label campaign of this name, or go on with it."""
    path = chosen(campaigns(), name, "label campaign")
    config = load_campaign(path)
    local = config.cluster == "local"
    return start_command(
        CAMPAIGN,
        str(config.folder.absolute()),
        ["label", str(path), f"--workers={int(workers)}", "--interval=2"],
        gpus=local * config.gpus,
        cores=local * int(workers) * config.threads,
    )


def import_qmugs(folder: str, store: str, *, gfn2: bool = False, any_geometry: bool = False) -> Job:
    """Import the files of QMugs in one of `qmugs_folders` into the label store of this name."""
    source, target = chosen(qmugs_folders(), folder, "folder with the files of QMugs"), new_store(store)
    arguments = ["data", "import-qmugs", str(source), "--output", str(target)]
    return start_command(IMPORT, str(target), arguments + ["--gfn2"] * gfn2 + ["--any-geometry"] * any_geometry)


def import_files(
    files: Mapping[str, bytes],
    store: str,
    *,
    level: str = "",
    energy: str = "",
    unit: str = "",
    length: str = "",
    kind: str = "",
    program: str = "",
    forces: bool = True,
) -> Job:
    """Import uploaded files of any format that `virialff data import` reads into the label store of this name.

    files: content by name, whose suffix says the format. What is empty is as the files say, or as is usual.
    """
    target = new_store(store)
    if unit not in ("", *ENERGY_UNITS) or kind not in ("", *KINDS) or length not in ("", *LENGTHS):
        raise ConfigError(f"{unit!r}, {kind!r} and {length!r} are not all among what is offered here")
    sent: dict[str, bytes] = {}
    for name, content in files.items():
        format_of(Path(name))
        stem = re.sub(r"[^A-Za-z0-9_-]+", "_", name.partition(".")[0]).strip("_") or "upload"
        suffixes = "".join(re.findall(r"\.[A-Za-z0-9]+", name)[-2 if name.lower().endswith(".gz") else -1 :])
        sent[f"{stem[:40]}_{len(sent) + 1}{suffixes.lower()}"] = content
    arguments = ["data", "import", *(f"{FOLDER}/{name}" for name in sent), "--output", str(target)]
    for option, value in {
        "level": level,
        "energy": energy,
        "unit": unit,
        "length": length,
        "kind": kind,
        "program": program,
    }.items():
        if value:
            # With "=", so that a value that begins with a dash is no option.
            arguments.append(f"--{option}={value}")
    return start_command(IMPORT, str(target), arguments + ["--no-forces"] * (not forces), files=sent)


def make_model(job: str, name: str, *, compare: bool = True) -> Job:
    """Make a model of this name of the run of a training job, measured beside the other methods or not."""
    if (problem := name_problem(name, "model")) is not None:
        raise ConfigError(problem).of("name")
    run = str(find(job).run)
    return start_command(MODEL, run, _ship(run, name, compare))


def _ship(run: str, name: str, compare: bool) -> list[str]:
    return ["ship", run, "--name", name, *([] if compare else ["--no-comparison"])]


def receive_model(content: bytes, name: str) -> Job:
    """Add an uploaded .zip of a model under this name, once it has been tried."""
    check_new_name(name)
    arguments = ["models", "add", f"{FOLDER}/model.zip", "--name", name]
    return start_command(RECEIVED, str(models_folder() / name), arguments, files={"model.zip": content})


def new_store(name: str) -> Path:
    """The folder of the label store of this name. Raises ConfigError where none can have it."""
    if (problem := name_problem(name, "label store")) is not None:
        raise ConfigError(problem).of("name")
    return LABELS / name


def chosen(offered: dict[str, Path], name: str, what: str) -> Path:
    """The path of what was chosen of this; a browser can send any text in its place. Raises ConfigError."""
    if name not in offered:
        raise ConfigError(f"There is no {what} {name!r} here, only {', '.join(offered) or 'none'}.")
    return offered[name]
