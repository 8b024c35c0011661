"""Sizes and switches of the networks. The defaults are the paper; every departure from it is a switch."""

import math
import operator
from collections.abc import Callable
from dataclasses import asdict, dataclass, field, fields
from typing import Any, ClassVar, TypeVar

from virialff.networks.baseline import BaselineDetail

#: Amplitude of the Gaussians in kcal/mol for an output of one, by relation (topology.RELATIONS).
RELATION_SCALES = (150.0, 40.0, 10.0, 5.0, 3.0)

#: Largest sizes of a network, so that neither a damaged file nor a slip of the pen fills the memory: layers of a part
#: and rounds of message passing, widths, and weights in all. The largest preset has 4, 350 and 1.8 million.
MAX_LAYERS, MAX_WIDTH, MAX_WEIGHTS = 32, 4096, 64_000_000

_Value = TypeVar("_Value")


# Bounds of the numbers of a setting: in words, and whether a number keeps one.
_BOUNDS: dict[str, tuple[str, Callable[[float, float], bool]]] = {
    "at_least": ("at least", operator.ge),
    "above": ("above", operator.gt),
    "at_most": ("at most", operator.le),
    "below": ("below", operator.lt),
}


def setting(default: _Value, description: str, **bounds: float) -> _Value:
    """A field of a dataclass of settings with its meaning, as pydantic's `Field`; without pydantic, which the numeric
    core does not need. bounds: limits of its numbers, by the names in `_BOUNDS`."""
    value: _Value = field(default=default, metadata={"description": description, "bounds": bounds})
    return value


def out_of_bounds(settings: type, name: str, value: Any) -> str | None:
    """Why a field of a dataclass of settings cannot have this value, as a sentence, or None; None is no number."""
    entry = next(field for field in fields(settings) if field.name == name)
    bounds: dict[str, float] = entry.metadata.get("bounds", {})
    for number in value if isinstance(value, (tuple, list)) else (value,):
        if isinstance(number, bool) or not isinstance(number, (int, float)):
            continue
        if not math.isfinite(number):
            return f"{name} is {number} and must be a finite number"
        for bound, limit in bounds.items():
            words, keeps = _BOUNDS[bound]
            if not keeps(number, limit):
                must = "must not be negative" if (bound, limit) == ("at_least", 0) else f"must be {words} {limit:g}"
                shown = str(number) if isinstance(number, int) else f"{number:g}"
                return f"{name} is {shown} and {must}{', or left out' if entry.default is None else ''}"
    return None


def check_bounds(settings: Any) -> None:
    """Raise ValueError for the first value of a dataclass of settings that is out of its bounds."""
    for entry in fields(settings):
        problem = out_of_bounds(type(settings), entry.name, getattr(settings, entry.name))
        if problem is not None:
            raise ValueError(problem)


@dataclass(frozen=True)
class NetworkConfig:
    """Architecture of one force-field network; plain values, so that a checkpoint can carry it as JSON."""

    #: Read by pydantic where a recipe is checked; nothing is imported for it.
    __pydantic_config__: ClassVar[dict[str, str]] = {"extra": "forbid"}

    # Given in the paper (section 4.1).
    message_steps: int = setting(4, "Rounds of message passing along the bonds.", at_least=0, at_most=MAX_LAYERS)
    hidden_size: int = setting(350, "Length of the embedding h_i of an atom.", at_least=1, at_most=MAX_WIDTH)
    atom_width: int = setting(
        160, "Width of the network for the kinetic energy of an atom.", at_least=1, at_most=MAX_WIDTH
    )
    atom_layers: int = setting(
        3, "Layers of the network for the kinetic energy of an atom.", at_least=1, at_most=MAX_LAYERS
    )
    edge_width: int = setting(
        199, "Width of the network for the kinetic energy of a bond.", at_least=1, at_most=MAX_WIDTH
    )
    edge_layers: int = setting(
        4, "Layers of the network for the kinetic energy of a bond.", at_least=1, at_most=MAX_LAYERS
    )

    # Not given in the paper; our choice for the preset `paper`: like the networks of stage 1.
    charge_width: int = setting(
        160, "Width of the network for the partial charge of an atom.", at_least=1, at_most=MAX_WIDTH
    )
    charge_layers: int = setting(
        3, "Layers of the network for the partial charge of an atom.", at_least=1, at_most=MAX_LAYERS
    )
    pair_width: int = setting(
        199, "Width of feats_net, the network for the coefficients of a pair.", at_least=1, at_most=MAX_WIDTH
    )
    pair_layers: int = setting(4, "Layers of feats_net.", at_least=1, at_most=MAX_LAYERS)
    distance_threshold: float | None = setting(
        10.0,
        "Non-bonded pairs further apart (Angstrom) do not interact; the paper has a threshold but not its value.",
        above=0,
    )

    # Switches, off in the paper.
    pair_relations: bool = setting(False, "1-3, 1-4, further and intermolecular pairs are told apart in e_ij.")
    ring_sizes: bool = setting(
        False,
        "x_i counts the smallest rings that hold the atom by size, e_ij has the smallest one that holds both atoms.",
    )
    ring_membership: bool = setting(
        False,
        "x_i has whether a ring of each size holds the atom, instead of how many do: fused and symmetric rings count "
        "once.",
    )
    far_pairs_as_contacts: bool = setting(
        False, "Pairs of one molecule beyond 1-4 are intermolecular ones to feats_net, so that complexes teach folding."
    )
    path_atoms: bool = setting(
        False,
        "feats_net reads the mean embedding of the atoms on the shortest paths between the atoms of a 1-3 or 1-4 pair.",
    )
    symmetric_pairs: bool = setting(
        False, "feats_net gives one set of coefficients a pair, the same for (i, j) and (j, i)."
    )
    neutral_fragments: bool = setting(False, "The charges of every fragment are shifted so that they sum to zero.")
    bond_type_baseline: bool = setting(False, "The baseline counts bonds by type beside elements.")
    coordination_baseline: bool = setting(
        False, "It counts the ends of bonds by their coordination number too; the paper has neither."
    )
    output_scales: bool = setting(
        False,
        "The output for an amplitude is multiplied by RELATION_SCALES, and C_0, C_1 come from a bounded sigma and "
        "epsilon.",
    )
    gaussian_widths: tuple[float, float] | None = setting(
        None, "Smallest and largest width of a Gaussian in Angstrom.", above=0
    )

    def __post_init__(self) -> None:
        check_bounds(self)
        if self.gaussian_widths is not None and self.gaussian_widths[0] >= self.gaussian_widths[1]:
            raise ValueError("gaussian_widths are the smallest and the largest width: give the smaller one first")
        weights = self._square_weights()
        if weights > MAX_WEIGHTS:
            raise ValueError(
                f"its layers have {weights / 1e6:.0f} million weights and may have {MAX_WEIGHTS / 1e6:.0f} million: "
                "lower widths or layers"
            )

    def _square_weights(self) -> int:
        """Weights between layers of one width, which are nearly all of a large network."""
        layers = (
            (self.charge_width, self.charge_layers - 2),
            (self.pair_width, self.pair_layers - 2),
            (self.atom_width, self.atom_layers - 2),
            (self.edge_width, self.edge_layers - 2),
        )
        # Four kinds of bonds, and the six matrices of the GRU.
        return 10 * self.hidden_size**2 + sum(width**2 * max(0, between) for width, between in layers)

    @property
    def baseline_detail(self) -> BaselineDetail:
        """What the baseline counts beside elements."""
        if self.coordination_baseline:
            return "coordination"
        return "bonds" if self.bond_type_baseline else "elements"

    def to_dict(self) -> dict[str, Any]:
        """Plain JSON values."""
        return asdict(self)

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> "NetworkConfig":
        """The config of `to_dict`. Raises ValueError for a key that is not one of its fields."""
        known = {entry.name for entry in fields(cls)}
        if unknown := sorted(set(values) - known):
            raise ValueError(f"unknown network setting {unknown[0]!r}; known: {', '.join(sorted(known))}")
        values = dict(values)
        if values.get("gaussian_widths") is not None:
            values["gaussian_widths"] = tuple(values["gaussian_widths"])
        return cls(**values)


PAPER = NetworkConfig()
