"""Rows of earlier campaigns that a campaign takes over instead of computing them again."""

from collections import defaultdict
from collections.abc import Callable

from training.labelling.campaign.worker import is_finished
from training.labelling.config import CampaignConfig
from training.labelling.plan.plan import Plan
from virialff.errors import StoreBusyError
from virialff.labels.schema import Label
from virialff.labels.store import LabelStore
from virialff.text import counted


def take_over(config: CampaignConfig, plan: Plan, say: Callable[[str], None] = print) -> int:
    """Copy what the `known` stores hold of the plan's tasks into the campaign's store; returns the number of tasks.

    A task that is there already stays as it is, and a chunk that another command works on is left to it. Raises
    StoreError for a store that cannot be read or written.
    """
    if not config.known:
        return 0
    open_tasks = {task.key for chunk in plan.chunks if not is_finished(config.folder, chunk) for task in chunk.tasks}
    if not open_tasks:
        return 0
    rows: dict[str, list[Label]] = defaultdict(list)
    for path in config.known:
        found: dict[str, list[Label]] = defaultdict(list)
        for label in LabelStore(path).labels():
            if label.task in open_tasks and label.task not in rows:
                found[label.task].append(label)
        rows |= found
    taken = 0
    for chunk in plan.chunks:
        known = [task.key for task in chunk.tasks if task.key in rows]
        if not known:
            continue
        try:
            writer = LabelStore(config.folder).writer(chunk.name)
        except StoreBusyError:
            continue
        with writer:
            for key in known:
                if not writer.finished and key not in writer.tasks:
                    writer.append(rows[key])
                    taken += 1
            if not writer.finished and writer.tasks == {task.key for task in chunk.tasks}:
                writer.finish()
    say(f"{counted(taken, 'task')} taken over from {', '.join(str(path) for path in config.known)}")
    return taken
