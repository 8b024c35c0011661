"""How a network is trained: length, batches, rates and the weights of the losses, as plain values."""

import math
from dataclasses import dataclass, fields, replace
from typing import ClassVar, Literal, Self

from training.data.pack import KINDS
from virialff.networks.config import setting

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
    steps: int = setting(10_000, "Updates of the weights.")
    seed: int = setting(1, "Of all random numbers: weights, order of the molecules, choice of conformers.")
    batch_pairs: int = setting(
        6_000, "A batch has as many molecules as have so many atom pairs, conformers not counted."
    )
    batch_molecules: int | None = setting(None, "Molecules of a batch; None for as many as have `batch_pairs` pairs.")
    complex_batch_pairs: int = setting(6_000, "Atom pairs of a batch of complexes.")
    conformers: int = setting(6, "Conformers of each molecule in a batch, drawn anew each time.")
    every_geometry: bool = setting(
        False,
        "A molecule is in an epoch as often as it takes to show all its conformers, so that a torsion scan of many "
        "points counts for more than a molecule with few; otherwise once.",
    )
    complex_conformers: int = setting(4, "The same for the geometries of a complex.")
    learning_rate: float = setting(1.5e-3, "Highest learning rate of Adam.")
    warmup_steps: int = setting(500, "The learning rate rises linearly over so many steps.")
    schedule: Literal["cosine", "steps"] = setting(
        "cosine", "After the warm-up a cosine to zero, or times `decay` every `decay_steps` steps."
    )
    decay: float = setting(0.8, "Factor of the schedule `steps`.")
    decay_steps: int = setting(10_000, "Steps from one decay to the next, of the schedule `steps`.")
    gradient_norm: float = setting(100.0, "Gradients of a larger norm are scaled down to it.")
    average_decay: float = setting(
        0.999, "Of the running average of the weights, which is what is validated and saved."
    )
    freeze_embeddings: bool = setting(
        False, "The embeddings stay as they are, from an earlier stage or from the weights that the run started with."
    )
    coordinate_noise: float = setting(
        0.0, "Standard deviation in Angstrom of the noise on the coordinates while training."
    )
    energy_weight: float = setting(1.0, "Of the mean absolute error of the total energy (kcal/mol) in the loss.")
    relative_weight: float = setting(1.0, "Of the error of energies relative to the molecule's mean (kcal/mol).")
    force_weight: float = setting(1.0, "Of the error of forces (kcal/mol/Angstrom).")
    interaction_weight: float = setting(5.0, "Of the error of interaction energies of complexes (kcal/mol).")
    interaction_force_weight: float = setting(
        5.0, "Of the error of forces between the fragments of a complex (kcal/mol/Angstrom)."
    )
    repulsion_scale: float | None = setting(
        None,
        "Errors of a complex that lies E above its parts count by repulsion_scale / (repulsion_scale + E), kcal/mol; "
        "where it is left out all count alike.",
    )
    dipole_weight: float = setting(0.0, "Of the error of components of the dipole of the partial charges (e Angstrom).")
    kinetic_weight: float = setting(
        0.0, "Of the error of the molecule's kinetic energy as a sum over atoms and bonds (Eq. 16)."
    )
    kinetic_descriptor_weight: float = setting(
        0.0, "Of the error of the kinetic energy of each atom and bond (Eq. 11-12)."
    )
    twin_weight: float = setting(
        0.0,
        "Of the error of the molecule's kinetic energy as minus a sum over pairs, by the networks of the pair "
        "potential, which are then a twin of it (twin.py).",
    )
    twin_terms: Literal["all", "long_range"] = setting(
        "all", "Which terms the sum of the twin has: the two readings of section 4.2."
    )
    companion_weight: float = setting(
        1.0,
        "Of all losses of the companion, labels of another level of theory: a factor on the weights above. 0: the "
        "companion is left out.",
    )
    companion_batch_pairs: int = setting(6_000, "Atom pairs of a batch of the companion.")
    kind_weights: tuple[float, ...] = setting(
        (1.0, 1.0, 1.0, 0.3, 0.1),
        "Weight in both energy losses by kind of geometry (data.pack.KINDS): those far up the walls say little of "
        "minima.",
    )
    validate_every: int = setting(1_000, "Steps from one validation to the next.")
    checkpoint_seconds: float = setting(
        120.0, "Seconds from one checkpoint to the next: the most that a crash can cost."
    )
    explosion: float = setting(100.0, "The run stops when the smoothed loss is this many times its lowest value.")
    double_precision: bool = setting(False, "Parameters and arithmetic in float64; for tests of exactness.")
    threads: int = setting(1, "Processor threads of each process.")

    def __post_init__(self) -> None:
        for field in fields(self):
            value = getattr(self, field.name)
            if field.name in _AT_LEAST_ONE and value is not None and value < 1:
                raise ValueError(f"{field.name} is {value} and must be at least 1")
            if (field.name.endswith("_weight") or field.name == "coordinate_noise") and value < 0:
                raise ValueError(f"{field.name} is {value:g} and must not be negative")
        if self.repulsion_scale is not None and self.repulsion_scale <= 0:
            raise ValueError(f"repulsion_scale is {self.repulsion_scale:g} and must be above 0, or left out")
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


_AT_LEAST_ONE = (
    "steps",
    "batch_pairs",
    "batch_molecules",
    "complex_batch_pairs",
    "companion_batch_pairs",
    "conformers",
    "complex_conformers",
    "decay_steps",
    "validate_every",
    "threads",
)


def learning_rate(step: int, optimization: Optimization) -> float:
    """Linear warm-up, then a cosine to zero or a staircase; steps count from the start of the stage."""
    rate = optimization.learning_rate * min(1.0, (step + 1) / max(1, optimization.warmup_steps))
    if optimization.schedule == "steps":
        return float(rate * optimization.decay ** (step // optimization.decay_steps))
    return rate * 0.5 * (1.0 + math.cos(math.pi * step / optimization.steps))
