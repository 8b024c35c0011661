"""What a label campaign will take: the tasks that are left, and the time of a task by the labels that ship."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from training.labelling.config import CampaignConfig
from training.labelling.plan.plan import make_plan
from training.labelling.tasks.kinds import kind_of
from virialff.engines.dft import LEVEL_OF_THEORY
from virialff.labels.store import LabelStore
from virialff.settings import ASSETS
from virialff.text import counted


@dataclass(frozen=True)
class KindEstimate:
    """The tasks of one kind."""

    name: str
    tasks: int
    seconds_per_task: float | None  #: of one thread; None where nothing like it was ever computed
    basis: str | None  #: what that rests on
    dft: bool  #: whether most of it is DFT


@dataclass(frozen=True)
class CampaignEstimate:
    """All kinds of tasks that are left to compute."""

    kinds: tuple[KindEstimate, ...]
    refused: tuple[tuple[str, str], ...] = ()  #: molecules, pairs or pools that cannot be labelled, with the reason

    @property
    def tasks(self) -> int:
        """How many there are."""
        return sum(kind.tasks for kind in self.kinds)

    @property
    def seconds(self) -> float | None:
        """Of one worker; None where the time of one of the kinds is not known."""
        times = [kind.tasks * kind.seconds_per_task for kind in self.kinds if kind.seconds_per_task is not None]
        return sum(times) if len(times) == len(self.kinds) else None

    @property
    def dft(self) -> bool:
        """Whether there is DFT in it."""
        return any(kind.dft for kind in self.kinds)


def estimate(
    config: CampaignConfig, *, shipped: Path = ASSETS / "data", say: Callable[[str], None] = lambda line: None
) -> CampaignEstimate:
    """Draw the tasks, leave out those that the campaign's folder or its known stores hold; nothing is written.

    shipped: folder of the Parquet files whose times count. Raises what `make_plan` raises.
    """
    plan = make_plan(config, say)
    there: set[str] = set()
    for path in (config.folder, *config.known):
        if path.exists():
            there |= LabelStore(path, passed_over=[]).tasks()
    left = Counter(kind_of(task) for task in plan.tasks if task.key not in there)
    times = _times(shipped)
    kinds = []
    for name, number in sorted(left.items()):
        done, seconds, dft = times.get(name, (0, 0.0, False))
        basis = f"{counted(done, 'task')} of this kind that ship with virialff" if done else None
        kinds.append(KindEstimate(name, number, seconds / done if done else None, basis, dft or name.startswith("dft")))
    return CampaignEstimate(tuple(kinds), plan.refused)


def _times(folder: Path) -> dict[str, tuple[int, float, bool]]:
    """By kind of task: tasks whose labels are there, the seconds of all of them, and whether most of it was DFT."""
    tasks: dict[str, set[str]] = {}
    seconds: defaultdict[str, float] = defaultdict(float)
    dft: defaultdict[str, float] = defaultdict(float)
    for file in sorted(folder.glob("*.parquet")):
        for table in LabelStore(file).tables(["task", "level_of_theory", "seconds"]):
            rows = zip(*(table[name].to_pylist() for name in ("task", "level_of_theory", "seconds")), strict=True)
            for task, level, time in rows:
                kind = task.partition("/")[0]
                tasks.setdefault(kind, set()).add(f"{file.name}/{task}")
                seconds[kind] += time or 0.0
                dft[kind] += (time or 0.0) * (level == LEVEL_OF_THEORY)
    return {kind: (len(own), seconds[kind], dft[kind] > 0.5 * seconds[kind]) for kind, own in tasks.items()}
