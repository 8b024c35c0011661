"""How a network is trained: length, batches, rates and the weights of the losses, as plain values."""

import math
from dataclasses import dataclass, replace
from typing import ClassVar, Literal, Self

from training.data.pack import KINDS
from virialff.networks.config import check_bounds, setting

#: Losses of the pair potential, and those of the kinetic-energy network.
_POTENTIAL = ("energy", "relative", "force", "interaction", "interaction_force", "dipole")
_KINETIC = ("kinetic", "kinetic_descriptor")
#: Begins the names of the losses of labels of another level.
COMPANION = "companion_"


@dataclass(frozen=True)
class Optimization:
    """One stage of training: how long, how fast and on what loss. Energies in kcal/mol, forces in kcal/mol/A.

    Raises ValueError for values that no run can have and for combinations that contradict each other.
    """

    #: Read by pydantic where a recipe is checked; nothing is imported for it.
    __pydantic_config__: ClassVar[dict[str, str]] = {"extra": "forbid"}

    name: str = setting("potential", "Of the stage, in the log and the metrics.")
    steps: int = setting(10_000, "Updates of the weights.", at_least=1)
    seed: int = setting(1, "Of all random numbers: weights, order of the molecules, choice of conformers.", at_least=0)
    batch_pairs: int = setting(
        6_000, "A batch has as many molecules as have so many atom pairs, conformers not counted.", at_least=1
    )
    batch_molecules: int | None = setting(
        None, "Molecules of a batch; None for as many as have `batch_pairs` pairs.", at_least=1
    )
    complex_batch_pairs: int = setting(6_000, "Atom pairs of a batch of complexes.", at_least=1)
    conformers: int = setting(6, "Conformers of each molecule in a batch, drawn anew each time.", at_least=1)
    every_geometry: bool = setting(
        False,
        "A molecule is in an epoch as often as it takes to show all its conformers, so that a torsion scan of many "
        "points counts for more than a molecule with few; otherwise once.",
    )
    complex_conformers: int = setting(4, "The same for the geometries of a complex.", at_least=1)
    optimizer: Literal["adam", "muon"] = setting(
        "adam", "Adam, or Muon for the matrices of the networks and Adam for all else."
    )
    learning_rate: float = setting(1.5e-3, "Highest learning rate.", above=0)
    warmup_steps: int = setting(500, "The learning rate rises linearly over so many steps.", at_least=0)
    schedule: Literal["cosine", "steps"] = setting(
        "cosine", "After the warm-up a cosine to zero, or times `decay` every `decay_steps` steps."
    )
    decay: float = setting(0.8, "Factor of the schedule `steps`.", above=0, at_most=1)
    decay_steps: int = setting(10_000, "Steps from one decay to the next, of the schedule `steps`.", at_least=1)
    gradient_norm: float = setting(100.0, "Gradients of a larger norm are scaled down to it.", above=0)
    average_decay: float = setting(
        0.999, "Of the running average of the weights, which is what is validated and saved.", at_least=0, below=1
    )
    freeze_embeddings: bool = setting(
        False, "The embeddings stay as they are, from an earlier stage or from the weights that the run started with."
    )
    coordinate_noise: float = setting(
        0.0, "Standard deviation in Angstrom of the noise on the coordinates while training.", at_least=0
    )
    energy_weight: float = setting(
        1.0, "Of the mean absolute error of the total energy (kcal/mol) in the loss.", at_least=0
    )
    relative_weight: float = setting(
        1.0, "Of the error of energies relative to the molecule's mean (kcal/mol).", at_least=0
    )
    force_weight: float = setting(1.0, "Of the error of forces (kcal/mol/Angstrom).", at_least=0)
    interaction_weight: float = setting(
        5.0, "Of the error of interaction energies of complexes (kcal/mol).", at_least=0
    )
    interaction_force_weight: float = setting(
        5.0, "Of the error of forces between the fragments of a complex (kcal/mol/Angstrom).", at_least=0
    )
    repulsion_scale: float | None = setting(
        None,
        "Errors of a complex that lies E above its parts count by repulsion_scale / (repulsion_scale + E), kcal/mol; "
        "where it is left out all count alike.",
        above=0,
    )
    dipole_weight: float = setting(
        0.0, "Of the error of components of the dipole of the partial charges (e Angstrom).", at_least=0
    )
    kinetic_weight: float = setting(
        0.0, "Of the error of the molecule's kinetic energy as a sum over atoms and bonds (Eq. 16).", at_least=0
    )
    kinetic_descriptor_weight: float = setting(
        0.0, "Of the error of the kinetic energy of each atom and bond (Eq. 11-12).", at_least=0
    )
    twin_weight: float = setting(
        0.0,
        "Of the error of the molecule's kinetic energy as minus a sum over pairs, by the networks of the pair "
        "potential, which are then a twin of it (twin.py).",
        at_least=0,
    )
    twin_terms: Literal["all", "long_range"] = setting(
        "all", "Which terms the sum of the twin has: the two readings of section 4.2."
    )
    companion_weight: float = setting(
        1.0,
        "Of all losses of the companion, labels of another level of theory: a factor on the weights above. 0: the "
        "companion is left out.",
        at_least=0,
    )
    companion_batch_pairs: int = setting(6_000, "Atom pairs of a batch of the companion.", at_least=1)
    kind_weights: tuple[float, ...] = setting(
        (1.0, 1.0, 1.0, 0.3, 0.1),
        "Weight in both energy losses by kind of geometry (data.pack.KINDS): those far up the walls say little of "
        "minima.",
        at_least=0,
    )
    validate_every: int = setting(1_000, "Steps from one validation to the next.", at_least=1)
    checkpoint_seconds: float = setting(
        120.0, "Seconds from one checkpoint to the next: the most that a crash can cost.", at_least=0
    )
    explosion: float = setting(
        100.0, "The run stops when the smoothed loss is this many times its lowest value.", above=1
    )
    double_precision: bool = setting(False, "Parameters and arithmetic in float64; for tests of exactness.")
    threads: int = setting(1, "Processor threads of each process.", at_least=1)

    def __post_init__(self) -> None:
        check_bounds(self)
        if len(self.kind_weights) != len(KINDS):
            raise ValueError(f"kind_weights has {len(self.kind_weights)} values and needs {len(KINDS)}: {KINDS}")
        if self.twin_weight and (self.trains_potential or self.trains_kinetic):
            raise ValueError(
                "twin_weight trains charges and pair coefficients of a kinetic energy: set the weights of all other "
                "losses to 0"
            )
        if not self.trains_potential and not self.trains_kinetic and not self.twin_weight:
            raise ValueError(f"the weights of all losses are zero in the stage {self.name!r}, so nothing is trained")
        if self.kinetic_weight and self.kinetic_descriptor_weight:
            raise ValueError(
                "kinetic_weight and kinetic_descriptor_weight exclude each other: atoms and bonds alone do not add up "
                "to the kinetic energy, which has a part between atoms without a bond"
            )
        if self.coordinate_noise and (self.force_weight or self.interaction_force_weight):
            raise ValueError("coordinate_noise contradicts forces: set force_weight and interaction_force_weight to 0")

    def shortened(self, share: float) -> Self:
        """The same stage over this share of its steps, with warm-up and schedule in proportion."""

        def scaled(steps: int) -> int:
            return max(1, round(share * steps))

        return replace(
            self,
            steps=scaled(self.steps),
            warmup_steps=scaled(self.warmup_steps) if self.warmup_steps else 0,
            decay_steps=scaled(self.decay_steps),
            validate_every=min(self.validate_every, max(1, scaled(self.steps) // 10)),
        )

    @property
    def trains_potential(self) -> bool:
        """Whether a loss reaches charges or pair coefficients."""
        return any(getattr(self, f"{name}_weight") > 0 for name in _POTENTIAL)

    @property
    def trains_complexes(self) -> bool:
        """Whether complexes are trained on."""
        return self.interaction_weight > 0 or self.interaction_force_weight > 0

    @property
    def trains_kinetic(self) -> bool:
        """Whether a loss reaches the kinetic-energy network."""
        return any(getattr(self, f"{name}_weight") > 0 for name in _KINETIC)

    def loss_weight(self, name: str) -> float:
        """Weight of a loss by its name, with that of the companion where it is one of its."""
        factor = self.companion_weight if name.startswith(COMPANION) else 1.0
        return factor * float(getattr(self, f"{name.removeprefix(COMPANION)}_weight"))


def learning_rate(step: int, optimization: Optimization) -> float:
    """Linear warm-up, then a cosine to zero or a staircase; steps count from the start of the stage."""
    rate = optimization.learning_rate * min(1.0, (step + 1) / max(1, optimization.warmup_steps))
    if optimization.schedule == "steps":
        return float(rate * optimization.decay ** (step // optimization.decay_steps))
    return rate * 0.5 * (1.0 + math.cos(math.pi * step / optimization.steps))
