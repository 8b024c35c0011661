"""Labels with every column filled, made up but of the right shapes: for tests of the store, not of chemistry."""

from __future__ import annotations

import json
from dataclasses import fields

import numpy as np

from virialff.labels.schema import Label

ETHENE = "[C:1](=[C:2]([H:5])[H:6])([H:3])[H:4]"


def sample_label(task: str, row: int, *, failure: str | None = None, **changes: object) -> Label:
    """Ethene with numbers that depend on the task and row only."""
    generator = np.random.default_rng([sum(task.encode()), row])
    values: dict[str, object] = {
        "identifier": f"{task}/{row}",
        "task": task,
        "inchikeys": ("VGGSQFUCUMXWEO-UHFFFAOYSA-N",),
        "smiles": ETHENE,
        "source": "test",
        "numbers": np.array([6, 6, 1, 1, 1, 1]),
        "bonds": np.array([[0, 1], [0, 2], [0, 3], [1, 4], [1, 5]]),
        "orders": np.array([2.0, 1.0, 1.0, 1.0, 1.0]),
        "fragments": np.zeros(6, dtype=np.int64),
        "positions": ETHENE_POSITIONS + generator.normal(scale=0.02, size=(6, 3)),
        "kind": "displaced",
        "detail": "displaced",
        "level_of_theory": "made up",
        "program": "none 1.0",
        "settings": json.dumps({"seed": row}, sort_keys=True),
        "seconds": 0.5 + row,
        "failure": failure,
    }
    if failure is None:
        values |= {
            "energy": -49000.0 + generator.normal(),
            "forces": generator.normal(size=(6, 3)).astype(np.float32).astype(np.float64),
            "interaction_energy": generator.normal(),
            "interaction_forces": generator.normal(size=(6, 3)).astype(np.float32).astype(np.float64),
            "counterpoise": bool(row % 2),
            "kinetic_atoms": generator.normal(size=6) + 100.0,
            "kinetic_bonds": generator.normal(size=5),
            "kinetic_nonbonded": generator.normal(),
            "dipole": generator.normal(size=3),
            "charges": generator.normal(size=6),
            "charge_scheme": "mulliken",
        }
    return Label(**(values | changes))  # type: ignore[arg-type]


ETHENE_POSITIONS = np.array(
    [
        [0.665, 0.0, 0.0],
        [-0.665, 0.0, 0.0],
        [1.230, 0.923, 0.0],
        [1.230, -0.923, 0.0],
        [-1.230, 0.923, 0.0],
        [-1.230, -0.923, 0.0],
    ]
)


def sample_task(task: str, rows: int = 3) -> list[Label]:
    """Some rows, the last of them a failure without a geometry."""
    good = [sample_label(task, row) for row in range(rows - 1)]
    return [*good, sample_label(task, rows - 1, failure="the SCF did not converge", positions=None)]


def assert_same_label(label: Label, other: Label) -> None:
    """Equal in every field, arrays to the last bit."""
    for field in fields(Label):
        mine, theirs = getattr(label, field.name), getattr(other, field.name)
        if isinstance(mine, np.ndarray):
            assert isinstance(theirs, np.ndarray), field.name
            assert mine.dtype == theirs.dtype, field.name
            np.testing.assert_array_equal(mine, theirs, err_msg=field.name)
        else:
            assert mine == theirs, field.name
