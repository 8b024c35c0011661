"""The kinds of task that a campaign can hold, and the function that computes each."""

from collections.abc import Callable
from dataclasses import asdict, fields
from typing import Any, NamedTuple, Protocol

from training.labelling.config import CampaignConfig
from training.labelling.plan.dft_draws import DftComplexTask, DftMoleculeTask
from training.labelling.plan.draws import ComplexTask, MoleculeTask
from training.labelling.plan.torsion_draws import DftTorsionTask, TorsionTask
from training.labelling.tasks import dft, flexible, gfn2, qmugs_rows, references, torsions
from virialff.labels.schema import Label


class Task(Protocol):
    """A frozen dataclass of strings, numbers and tuples of them: what is computed in one go."""

    @property
    def key(self) -> str:
        """Identifies the task in its campaign: "<kind>/<name>"."""


class TaskType(NamedTuple):
    """How the tasks of one kind are computed, and the row that says why one could not be."""

    task: type[Any]
    compute: Callable[[Any, CampaignConfig], list[Label]]
    failed: Callable[[Any, CampaignConfig, str], Label]


#: By kind: the part of the key before the slash, and the beginning of the names of its files in the store.
TASK_TYPES: dict[str, TaskType] = {
    "molecule": TaskType(MoleculeTask, gfn2.label_molecule, gfn2.failed_molecule),
    "complex": TaskType(ComplexTask, gfn2.label_complex, gfn2.failed_complex),
    "dft_molecule": TaskType(DftMoleculeTask, dft.label_molecule, dft.failed_molecule),
    "dft_complex": TaskType(DftComplexTask, dft.label_complex, dft.failed_complex),
    "dimer": TaskType(references.DimerTask, references.label_dimer, references.failed_dimer),
    "conformers": TaskType(references.ConformersTask, references.label_conformers, references.failed_conformers),
    "torsion": TaskType(TorsionTask, torsions.label_torsion, torsions.failed_torsion),
    "dft_torsion": TaskType(DftTorsionTask, torsions.label_dft_torsion, torsions.failed_dft_torsion),
    "qmugs_row": TaskType(qmugs_rows.QmugsRowTask, qmugs_rows.label_qmugs_row, qmugs_rows.failed_qmugs_row),
    "flexible": TaskType(flexible.FlexibleTask, flexible.label_flexible, flexible.failed_flexible),
}


def kind_of(task: Task) -> str:
    """The kind of a task, a key of TASK_TYPES."""
    return next(kind for kind, entry in TASK_TYPES.items() if type(task) is entry.task)


def compute(task: Task, config: CampaignConfig) -> list[Label]:
    """The rows of a task. What cannot be computed is a row with the reason."""
    return TASK_TYPES[kind_of(task)].compute(task, config)


def failed(task: Task, config: CampaignConfig, reason: str) -> Label:
    """The one row of a task that cannot be computed at all."""
    return TASK_TYPES[kind_of(task)].failed(task, config, reason)


def to_json(task: Task) -> dict[str, Any]:
    """A task as a JSON object; `from_json` reads it."""
    return {"kind": kind_of(task), **asdict(task)}  # type: ignore[call-overload]


def from_json(content: dict[str, Any]) -> Task:
    """The task of a JSON object. Raises KeyError or TypeError for one of another version."""
    kind = TASK_TYPES[content["kind"]].task
    # A plan of an earlier version lacks fields that came later and have a default.
    values = {field.name: _frozen(content[field.name]) for field in fields(kind) if field.name in content}
    task: Task = kind(**values)
    return task


def _frozen(value: Any) -> Any:
    return tuple(_frozen(item) for item in value) if isinstance(value, list) else value
