"""How a network is trained: length, batches, rates and the weights of the losses, as plain values."""

import math
from dataclasses import dataclass
from typing import ClassVar


@dataclass(frozen=True)
class Optimization:
    """How long, how fast and on what loss. Energies in kcal/mol, forces in kcal/mol/A."""

    #: Read by pydantic where a recipe is checked; nothing is imported for it.
    __pydantic_config__: ClassVar[dict[str, str]] = {"extra": "forbid"}

    steps: int = 10_000
    seed: int = 1
    batch_pairs: int = 6_000
    complex_batch_pairs: int = 6_000
    conformers: int = 6
    complex_conformers: int = 4
    learning_rate: float = 1.5e-3
    warmup_steps: int = 500
    gradient_norm: float = 100.0
    average_decay: float = 0.999
    #: Loss weights: mean absolute errors of the total energy, of energies relative to the molecule's mean,
    #: of forces, of interaction energies and of the forces between fragments.
    energy_weight: float = 1.0
    relative_weight: float = 1.0
    force_weight: float = 1.0
    interaction_weight: float = 5.0
    interaction_force_weight: float = 5.0
    #: Weight in both energy losses by kind of geometry (dataset.KINDS): those far up the walls say little of minima.
    kind_weights: tuple[float, ...] = (1.0, 1.0, 1.0, 0.3, 0.1)
    validate_every: int = 1_000
    checkpoint_seconds: float = 120.0
    #: The run stops when the smoothed loss is this many times its lowest value.
    explosion: float = 100.0
    #: Parameters and arithmetic in float64; for tests of exactness.
    double_precision: bool = False
    threads: int = 1


def learning_rate(step: int, optimization: Optimization) -> float:
    """Linear warm-up, then a cosine to zero."""
    warmup = min(1.0, (step + 1) / max(1, optimization.warmup_steps))
    return optimization.learning_rate * warmup * 0.5 * (1.0 + math.cos(math.pi * step / optimization.steps))
