"""What a campaign computes: its tasks in chunks, drawn once and kept in the campaign's folder."""

import fcntl
import gzip
import json
import zlib
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from training.labelling.config import CampaignConfig
from training.labelling.plan.contacts import draw_contacts
from training.labelling.plan.dft_draws import draw_dft_rounds
from training.labelling.plan.draws import draw_rounds
from training.labelling.plan.torsion_draws import draw_torsions
from training.labelling.tasks.flexible import draw_flexible
from training.labelling.tasks.kinds import Task, from_json, kind_of, to_json
from training.labelling.tasks.qmugs_rows import draw_qmugs_rows
from training.labelling.tasks.references import reference_tasks
from virialff.documents import parse_json
from virialff.errors import ConfigError, DocumentError, VirialffError
from virialff.files import replace_file
from virialff.labels.store import LabelStore
from virialff.text import reason_of

PLAN_SCHEMA = "virialff-label-plan/3"
PLAN_FILE = "plan.json.gz"
#: Of a plan in full: half a million tasks.
_MOST_BYTES = 256 * 2**20


@dataclass(frozen=True)
class Chunk:
    """Tasks that one worker computes one after the other, into the store under this name."""

    name: str
    tasks: tuple[Task, ...]


@dataclass(frozen=True)
class Plan:
    """The chunks of a campaign in the order of work, and what was refused (SMILES, pair or pool; reason)."""

    settings_sha256: str
    chunks: tuple[Chunk, ...]
    refused: tuple[tuple[str, str], ...]

    @property
    def tasks(self) -> Iterator[Task]:
        """All tasks in the order of work."""
        return (task for chunk in self.chunks for task in chunk.tasks)


def make_plan(config: CampaignConfig, say: Callable[[str], None] = print) -> Plan:
    """Draw the tasks of a campaign. The same configuration gives the same plan, whatever the machine.

    A round appended to the configuration appends chunks and changes none. Raises ConfigError where there is nothing
    to compute, and StoreError for a store `beside` that cannot be read.
    """
    refused: list[tuple[str, str]] = []
    chunks: list[Chunk] = []
    made: Counter[str] = Counter()
    there = {task for path in config.beside for task in LabelStore(path).tasks()}

    def missing(tasks: Sequence[Task]) -> list[Task]:
        return [task for task in tasks if task.key not in there]

    for draw in draw_rounds(config, refused, say):
        chunks += _in_turn([missing(draw.molecules), missing(draw.complexes)], config.tasks_per_chunk, made)
    for dft_draw in draw_dft_rounds(config, refused, say):
        chunks += _in_turn([missing(dft_draw.molecules), missing(dft_draw.complexes)], config.tasks_per_chunk, made)
    if config.references is not None:
        tasks = reference_tasks(config.references)
        chunks += _in_turn([tasks.vertical], config.tasks_per_chunk, made)
        chunks += _in_turn([tasks.conformers, tasks.relaxed], config.tasks_per_chunk, made)
        chunks += _in_turn([tasks.further], config.tasks_per_chunk, made)
    for drawn in (
        draw_torsions(config, refused, say),
        draw_qmugs_rows(config, refused, say),
        draw_contacts(config, refused, say),
        draw_flexible(config, refused, say),
    ):
        chunks += _in_turn([missing(drawn)], config.tasks_per_chunk, made)
    if not chunks:
        raise ConfigError("The campaign has nothing to compute: give it a round with pools of molecules.")
    return Plan(config.settings_sha256(), tuple(chunks), tuple(refused))


def _in_turn(parts: Sequence[Sequence[Task]], size: int, made: Counter[str]) -> list[Chunk]:
    # Each kind is spread evenly, so that a part of the campaign is a fair sample of the whole.
    placed = []
    for part in parts:
        chunks = []
        for start in range(0, len(part), size):
            kind = kind_of(part[start])
            chunks.append(Chunk(f"{kind}_{made[kind]:05d}", tuple(part[start : start + size])))
            made[kind] += 1
        placed += [(index / len(chunks), chunk) for index, chunk in enumerate(chunks)]
    return [chunk for _, chunk in sorted(placed, key=lambda item: (item[0], item[1].name))]


def stored_plan(config: CampaignConfig, say: Callable[[str], None] = print) -> Plan:
    """The plan in the campaign's folder, made on the first call and extended when a round was appended.

    Raises ConfigError if the folder belongs to another configuration.
    """
    with _locked(config.folder):
        path = config.folder / PLAN_FILE
        draws = config.draws()
        if path.exists():
            plan, drawn = _read(path)
            if plan.settings_sha256 == config.settings_sha256() and drawn == draws:
                return plan
            new = make_plan(config, say) if plan.settings_sha256 == config.settings_sha256() else None
            if new is None or not _extends(new, plan):
                raise ConfigError(
                    f"The folder {config.folder} holds labels of another configuration: give this one its own folder."
                )
            say(f"the plan grows from {len(plan.chunks)} to {len(new.chunks)} chunks")
        else:
            new = make_plan(config, say)
        _write(path, new, draws)
        return new


def _extends(new: Plan, old: Plan) -> bool:
    return set(old.chunks) <= set(new.chunks)


def _read(path: Path) -> tuple[Plan, Any]:
    try:
        with gzip.open(path) as file:
            content = parse_json(file.read(_MOST_BYTES + 1), most_bytes=_MOST_BYTES)
        schema = content.get("schema")
        if schema == PLAN_SCHEMA:
            plan = Plan(
                content["settings_sha256"],
                tuple(Chunk(entry["name"], tuple(map(from_json, entry["tasks"]))) for entry in content["chunks"]),
                tuple((name, reason) for name, reason in content["refused"]),
            )
            return plan, content["draws"]
    except (OSError, EOFError, zlib.error, DocumentError, ValueError, LookupError, TypeError, AttributeError) as error:
        raise VirialffError(
            f"The plan {path} is damaged ({reason_of(error)}): delete it and start the campaign again, "
            "the same plan is drawn."
        ) from error
    raise ConfigError(f"The plan {path} is of schema {schema}, not {PLAN_SCHEMA}: give the campaign another folder.")


def _write(path: Path, plan: Plan, draws: Any) -> None:
    content = {
        "schema": PLAN_SCHEMA,
        "settings_sha256": plan.settings_sha256,
        "draws": draws,
        "chunks": [{"name": chunk.name, "tasks": [to_json(task) for task in chunk.tasks]} for chunk in plan.chunks],
        "refused": plan.refused,
    }
    try:
        replace_file(path, gzip.compress(json.dumps(content).encode(), mtime=0))
    except OSError as error:
        raise VirialffError(f"The plan {path} could not be written ({error.strerror}): make room for it.") from error


@contextmanager
def _locked(folder: Path) -> Iterator[None]:
    """Hold the campaign's folder, which is made where it is missing, against other commands that plan in it."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        file = open(folder / "plan.lock", "a", encoding="utf-8")  # noqa: SIM115  closed below
    except OSError as error:
        raise VirialffError(f"The folder {folder} cannot be written ({error.strerror}): choose another.") from error
    with file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield
