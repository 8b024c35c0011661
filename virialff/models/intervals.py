"""Intervals of energies that hold a stated share of the errors, from what a model's card says of held-out data.

The size of an error is expected to be

    u = a + b spread + c |difference| + d heavy atoms + e marked

with a to e not negative: spread is the standard deviation over the model's members, the difference that of the two
energies compared (of interaction energies the energy itself), and marked is 1 where training had little of the
molecule (`environments.RareAtoms`). The interval is +- q u, where q is the share's quantile of |error| / u on molecules
that no weight was fitted to (split conformal prediction with a normalized score: Lei, G'Sell, Rinaldo, Tibshirani,
Wasserman, J. Am. Stat. Assoc. 113, 1094 (2018)). `virialff calibrate` fits and measures it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from virialff.errors import CheckpointError

if TYPE_CHECKING:
    from virialff.models.force_field import ForceField, Model
    from virialff.molecules.molecule import Molecule

FloatArray = NDArray[np.float64]
#: total: an energy by itself; conformers: of a conformer above another; torsion: of a point of a scan above another;
#: interaction: of a complex above its molecules as they are in it.
Quantity = Literal["total", "conformers", "torsion", "interaction"]
QUANTITIES: tuple[Quantity, ...] = ("total", "conformers", "torsion", "interaction")
#: Those that are a difference of two conformers.
RELATIVE: tuple[Quantity, ...] = ("conformers", "torsion")
#: Shares of the errors that intervals hold.
SHARES = (0.68, 0.90, 0.95)
#: What the expected size of an error is linear in.
FEATURES = ("constant", "spread", "difference", "heavy_atoms", "marked")
#: Key of the card.
INTERVALS = "intervals"


def percent(share: float) -> str:
    """A share as cards and columns write it: "68" for 0.68."""
    return f"{100 * share:g}"


@dataclass(frozen=True, eq=False)
class EnergyIntervals:
    """Half-widths of the intervals of energies (n,), kcal/mol: a row a share of SHARES, (3, n).

    against: the level of theory whose energies the intervals hold.
    """

    half_widths: FloatArray
    against: str

    def of(self, share: float) -> FloatArray:
        """Those of one of SHARES, (n,). Raises ValueError for another share."""
        return np.asarray(self.half_widths[SHARES.index(share)])

    def by_percent(self) -> dict[str, FloatArray]:
        """Those of each share by its per cent: "68", "90", "95"."""
        return {percent(share): self.of(share) for share in SHARES}


@dataclass(frozen=True)
class ErrorScale:
    """How large errors of one quantity are: coefficients of FEATURES (kcal/mol a unit), and q of each of SHARES."""

    coefficients: tuple[float, ...]
    factors: tuple[float, ...]
    against: str

    def expected(self, features: ArrayLike) -> FloatArray:
        """Expected size of the errors, kcal/mol, (n,), from features (n, 5) in the order of FEATURES."""
        return np.asarray(np.asarray(features, dtype=np.float64) @ np.array(self.coefficients))

    def intervals(self, features: ArrayLike) -> EnergyIntervals:
        return EnergyIntervals(np.outer(self.factors, self.expected(features)), self.against)


def feature_table(*, spread: ArrayLike, difference: ArrayLike, heavy_atoms: ArrayLike, marked: ArrayLike) -> FloatArray:
    """The features (n, 5) of energies in the order of FEATURES; each argument is (n,) or one number for all."""
    rows = np.broadcast_arrays(np.ones(1), spread, np.abs(difference), heavy_atoms, marked)
    return np.stack(rows, axis=-1).astype(np.float64)


def scales_of_card(card: Mapping[str, Any]) -> dict[Quantity, ErrorScale]:
    """The scales by quantity; empty for a model that was not calibrated.

    Raises CheckpointError for what is damaged, and for intervals of other weights than the model's.
    """
    found = card.get(INTERVALS)
    if found is None:
        return {}
    try:
        if found["sha256"] != parameter_hashes(card):
            raise ValueError("they are of other weights")
        return {name: _scale(found["quantities"][name]) for name in QUANTITIES if name in found["quantities"]}
    except (KeyError, TypeError, ValueError) as error:
        raise CheckpointError(
            f"the card of the model {card.get('name')} has no readable intervals ({error!r}): run `virialff calibrate`"
        ) from error


def parameter_hashes(card: Mapping[str, Any]) -> list[str]:
    """sha256 of the weights that the spread is over: the model's own and those of its members."""
    return [str(card["sha256"]), *(str(member["sha256"]) for member in card.get("members", []))]


def _scale(entry: Mapping[str, Any]) -> ErrorScale:
    coefficients = tuple(float(entry["coefficients"][name]) for name in FEATURES)
    factors = tuple(float(entry["factors"][percent(share)]) for share in SHARES)
    for values in (coefficients, factors):
        if not all(np.isfinite(value) and value >= 0 for value in values):
            raise ValueError(f"{values} are not all finite and at least 0")
    if list(factors) != sorted(factors):
        raise ValueError(f"{factors} do not rise with the share")
    return ErrorScale(coefficients, factors, str(entry["against"]))


@dataclass(frozen=True, eq=False)
class MemberEnergies:
    """Energies of one molecule or complex by a model and its members, kcal/mol, the model's own first.

    total: (n_models, n_conformers); interaction: the same, None for a molecule of one fragment. heavy_atoms: their
    number. marked: whether training had little of something in the molecule.
    """

    total: FloatArray
    interaction: FloatArray | None
    heavy_atoms: int
    marked: bool

    def features(self, quantity: Quantity, zero: int | None = None) -> FloatArray:
        """What the expected errors depend on, (n_conformers, 5) in the order of FEATURES.

        zero: the conformer (from 0) that energies count from; by default the lowest by the model.
        """
        if quantity == "interaction":
            values = np.zeros_like(self.total) if self.interaction is None else self.interaction
            difference = values[0]
        elif quantity == "total":
            values, difference = self.total, np.zeros(self.total.shape[1])
        else:
            lowest = int(np.argmin(self.total[0])) if zero is None else zero
            values = self.total - self.total[:, lowest : lowest + 1]
            difference = values[0]
        spread = values.std(axis=0, ddof=1) if len(values) > 1 else np.zeros(values.shape[1])
        return feature_table(
            spread=spread, difference=difference, heavy_atoms=self.heavy_atoms, marked=float(self.marked)
        )


def member_energies(
    model: Model,
    molecule: Molecule,
    positions: ArrayLike | None = None,
    fields: Sequence[ForceField] | None = None,
) -> MemberEnergies:
    """The energies at positions (n_conformers, n_atoms, 3) or (n_atoms, 3) in Angstrom, by default the molecule's own.

    fields: the force fields of the molecule by the model and its members, where they are known.

    Raises ShapeError, MissingCoordinatesError for a molecule without conformers, UnsupportedElementError as
    `Model.force_field`, CheckpointError where a member's file is damaged.
    """
    if positions is None:
        molecule.require_3d()
        positions = molecule.positions
    array = np.asarray(positions, dtype=np.float64)
    geometries = array[None] if array.ndim == 2 else array
    if fields is None:
        fields = [part.force_field(molecule) for part in (model, *model.members)]
    several = molecule.n_fragments > 1
    marks = model.rare_atoms(molecule.with_positions(geometries) if several else molecule)
    return MemberEnergies(
        total=np.stack([field.energy(geometries) for field in fields]),
        interaction=np.stack([field.interaction_energy(geometries) for field in fields]) if several else None,
        heavy_atoms=int((molecule.numbers > 1).sum()),
        marked=marks is not None and marks.any,
    )


@dataclass(frozen=True, eq=False)
class Uncertainty:
    """How far the energies of the conformers of one molecule, or of a complex, may be off."""

    quantity: Quantity
    scale: ErrorScale
    energies: MemberEnergies

    def intervals(self, zero: int | None = None) -> EnergyIntervals:
        """Of the energies; relative ones count from conformer `zero` (from 0), by default the lowest by the model.

        That conformer's own interval is nothing.
        """
        found = self.scale.intervals(self.energies.features(self.quantity, zero))
        if self.quantity in RELATIVE:
            found.half_widths[:, int(np.argmin(self.energies.total[0])) if zero is None else zero] = 0.0
        return found


def uncertainties(
    model: Model, molecule: Molecule, quantities: Sequence[Quantity], positions: ArrayLike | None = None
) -> dict[Quantity, Uncertainty]:
    """As `Model.uncertainty`, of several quantities; what the model was not calibrated for is left out.

    Raises what `member_energies` and `scales_of_card` raise.
    """
    scales = {name: scale for name, scale in scales_of_card(model.card).items() if name in quantities}
    if molecule.n_fragments < 2:
        scales.pop("interaction", None)
    if not scales:
        return {}
    energies = member_energies(model, molecule, positions)
    return {name: Uncertainty(name, scale, energies) for name, scale in scales.items()}
