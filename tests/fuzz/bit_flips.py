"""Flip single bits of files of ours: each flip is named or harmless, none silent, and none a traceback.

    python -m tests.fuzz.bit_flips --flips 600 [--kind pack --kind journal] [--seed 1]

Named: `virialff data check` tells of it, or whatever reads the file refuses it with an error of ours. Harmless: what is
read is the same as before. Silent would be another value without a word.
"""

from __future__ import annotations

import argparse
import contextlib
import dataclasses
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch

from tests.small_network import SMALL_CARD, SMALL_NETWORK
from tests.virialff.labels.sample_labels import sample_label, sample_task
from training.data.make_packs import labelled_graph
from training.data.pack import PackWriter, load_pack
from training.jobs.record import JobFolder, Request, State
from training.labelling.campaign.worker import Deaths
from training.labelling.config import CampaignConfig, Round
from training.labelling.plan.draws import MoleculeTask
from training.labelling.plan.plan import PLAN_FILE, Chunk, Plan, _read, _write
from training.loop.run_folder import CHECKPOINT, RunFolder
from training.recipes.recipe import PRESETS, load_recipe
from virialff import seals
from virialff.damage import check_all
from virialff.documents import json_lines
from virialff.errors import VirialffError
from virialff.labels.store import LabelStore
from virialff.models.checkpoint import PARAMETERS_FILE, load_checkpoint, save_checkpoint
from virialff.networks.baseline import N_FEATURES, Baseline
from virialff.networks.force_field import ForceFieldNetwork


class Kind(NamedTuple):
    """A kind of file: how one is made in a folder, and what its readers get of it."""

    make: Callable[[Path], Path]
    read: Callable[[Path], Any]


class Outcome(NamedTuple):
    """What became of one flip."""

    bit: int
    what: str  #: named, harmless, silent, or the traceback's last line
    words: str = ""


def _store(folder: Path, *, finished: bool) -> Path:
    with LabelStore(folder).writer("part") as writer:
        for number in range(3):
            writer.append(sample_task(f"task-{number}"))
        if finished:
            writer.finish()
    (file,) = LabelStore(folder).files()
    return file


def _labels(file: Path) -> Any:
    return [
        [value.tobytes() if isinstance(value, np.ndarray) else value for value in dataclasses.astuple(label)]
        for label in LabelStore(file.parent).labels()
    ]


def _pack(folder: Path) -> Path:
    with PackWriter(folder / "molecules.arrow") as writer:
        for number in range(4):
            rows = [sample_label(f"task-{number}", row, interaction_energy=None) for row in range(3)]
            writer.append(labelled_graph(rows), "train")
    return folder / "molecules.arrow"


def _records(file: Path) -> Any:
    return [[_plain(value) for value in record] for record in load_pack(file).train]


def _plain(value: Any) -> Any:
    if isinstance(value, torch.Tensor):
        return value.shape, value.numpy().tobytes()
    if isinstance(value, dict):
        return {key: _plain(inner) for key, inner in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(inner) for inner in value]
    return [_plain(inner) for inner in vars(value).values()] if dataclasses.is_dataclass(value) else value


def _checkpoint(folder: Path) -> Path:
    weights = ForceFieldNetwork(SMALL_NETWORK).state_dict()
    RunFolder(folder).save_checkpoint({"step": 3, "seconds": 1.5, "network": weights, "random": torch.get_rng_state()})
    return folder / CHECKPOINT


def _model(folder: Path) -> Path:
    generator = torch.Generator().manual_seed(1)
    baseline = Baseline(torch.rand(N_FEATURES, generator=generator).double(), torch.ones(N_FEATURES, dtype=torch.bool))
    save_checkpoint(folder, ForceFieldNetwork(SMALL_NETWORK), baseline, SMALL_CARD)
    return folder / PARAMETERS_FILE


def _card(folder: Path) -> Path:
    return _model(folder).with_name("card.json")


def _loaded(file: Path) -> Any:
    checkpoint = load_checkpoint(file.parent)
    return _plain([checkpoint.network.state_dict(), list(checkpoint.baseline), checkpoint.card])


_REQUEST = Request(subject="/runs/a", arguments=("train", "a.yaml"), directory="/home", submitted=1.6e9, cores=2)


def _request(folder: Path) -> Path:
    JobFolder(folder).write_request(_REQUEST)
    return folder / "job.json"


def _old_request(folder: Path) -> Path:
    (folder / "request.json").write_bytes(json_lines(_REQUEST.model_dump(mode="json")))
    return folder / "request.json"


def _state(folder: Path) -> Path:
    JobFolder(folder).write_state(State(state="finished", host="here", started=1.6e9, ended=1.7e9, exit_code=0))
    return folder / "state.json"


def _status(folder: Path) -> Path:
    RunFolder(folder).write_status("running", step=12, steps=100, seconds=3.5)
    return folder / "status.json"


def _metrics(folder: Path) -> Path:
    for step in range(1, 9):
        RunFolder(folder).append_metrics(
            {"step": step, "stage": "one", "seconds": 1.5 * step, "train_energy": 3.0 / step}
        )
    return folder / "metrics.jsonl"


def _recipe(folder: Path) -> Path:
    file = folder / "recipe.yaml"
    file.write_bytes(seals.sealed_text((PRESETS / "foundation.yaml").read_bytes()))
    return file


def _plan(folder: Path) -> Path:
    tasks = tuple(MoleculeTask(f"KEY{number}", "C" * (number + 1), "qm9", relaxed=False) for number in range(5))
    _write(folder / PLAN_FILE, Plan("0" * 64, (Chunk("molecule_00000", tasks),), ()), _campaign().draws())
    return folder / PLAN_FILE


def _campaign() -> CampaignConfig:
    return CampaignConfig(folder=Path("a"), seed=1, rounds=(Round(pools={"qm9": 5}),))


def _deaths(folder: Path) -> Path:
    for number in range(5):
        Deaths(folder).record(f"molecule/{number}", "killed")
    return folder / "deaths.jsonl"


KINDS: dict[str, Kind] = {
    "journal": Kind(lambda folder: _store(folder, finished=False), _labels),
    "parquet": Kind(lambda folder: _store(folder, finished=True), _labels),
    "pack": Kind(_pack, _records),
    "checkpoint.pt": Kind(_checkpoint, lambda file: _plain(RunFolder(file.parent).checkpoint("cpu"))),
    "safetensors": Kind(_model, _loaded),
    "card.json": Kind(_card, _loaded),
    "job.json": Kind(_request, lambda file: JobFolder(file.parent).request()),
    "request.json": Kind(_old_request, lambda file: JobFolder(file.parent).request()),
    "state.json": Kind(_state, lambda file: JobFolder(file.parent).state(1)),
    "status.json": Kind(_status, lambda file: RunFolder(file.parent).status()),
    "metrics.jsonl": Kind(_metrics, lambda file: RunFolder(file.parent).metrics()),
    "recipe": Kind(_recipe, load_recipe),
    "plan.json.gz": Kind(_plan, _read),
    "deaths.jsonl": Kind(_deaths, lambda file: [Deaths(file.parent).of(f"molecule/{n}") for n in range(5)]),
}


def flips(name: str, count: int, seed: int) -> Iterator[Outcome]:
    """What becomes of so many flips of single bits of a file of a kind, each of the intact file."""
    kind = KINDS[name]
    with tempfile.TemporaryDirectory(prefix="virialff-flips-") as folder:
        file = kind.make(Path(folder))
        intact, problems, value = file.read_bytes(), _problems(file), kind.read(file)
        generator = np.random.default_rng([seed, *name.encode()])
        for bit in generator.integers(8 * len(intact), size=count).tolist():
            content = bytearray(intact)
            content[bit // 8] ^= 1 << (bit % 8)
            file.write_bytes(content)
            yield _outcome(kind, file, bit, problems, value)


def _problems(file: Path) -> list[str]:
    return [str(problem) for problem in check_all(file.parent).problems]


def _outcome(kind: Kind, file: Path, bit: int, problems: list[str], value: Any) -> Outcome:
    named = ""
    try:
        found = _problems(file)
        if found != problems:
            named = next((problem for problem in found if problem not in problems), "a problem is gone")
        try:
            same = kind.read(file) == value
        except VirialffError as error:
            named, same = named or str(error), False
    except Exception as error:  # noqa: BLE001 - this is what is looked for
        return Outcome(bit, f"{type(error).__name__}: {error}")
    if named:
        return Outcome(bit, "named", named)
    return Outcome(bit, "harmless" if same else "silent")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--flips", type=int, default=600, help="of each kind of file (default %(default)s)")
    parser.add_argument("--kind", action="append", choices=KINDS, help="only this one; may be repeated")
    parser.add_argument("--seed", type=int, default=1)
    arguments = parser.parse_args()
    bad = 0
    for name in arguments.kind or KINDS:
        began = time.process_time()
        outcomes = list(flips(name, arguments.flips, arguments.seed))
        counts = Counter(outcome.what if outcome.what in ("named", "harmless") else "wrong" for outcome in outcomes)
        wrong = [outcome for outcome in outcomes if outcome.what not in ("named", "harmless")]
        bad += len(wrong)
        print(f"{name:<16}{dict(counts)}, {time.process_time() - began:.1f} s", flush=True)
        for outcome in wrong[:5]:
            print(f"    bit {outcome.bit}: {outcome.what}")
    return 1 if bad else 0


if __name__ == "__main__":
    with contextlib.suppress(KeyboardInterrupt):
        sys.exit(main())
