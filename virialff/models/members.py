"""How far the members of a model disagree: the spread of charges, pair parameters, energies and conformer ranks.

A force field is always one parameter set, because averaged parameters do not give averaged energies. Further members,
trained like it from other random numbers, only tell how much of a result depends on those. The spread is the standard
deviation over the main parameter set and the members (n - 1 in the denominator). It says nothing of errors that all
members share; the model's card has its calibration, spread against error on held-out data.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike, NDArray

from virialff.conformers.generation import energy_ranks

if TYPE_CHECKING:
    from virialff.models.force_field import ForceField, Model
    from virialff.molecules.molecule import Molecule

FloatArray = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class ChargeSpread:
    """Partial charges by the force field and their spread over n_models parameter sets, e, both (n_atoms,)."""

    charges: FloatArray
    spread: FloatArray
    n_models: int


@dataclass(frozen=True, eq=False)
class PairSpread:
    """Spreads of the Lennard-Jones parameters over n_models parameter sets, each (n_pairs,) as `ForceField.pairs`.

    sigma, R_min: Angstrom. epsilon: kcal/mol. NaN where a parameter set does not define the value.
    """

    sigma: FloatArray
    epsilon: FloatArray
    R_min: FloatArray
    n_models: int


@dataclass(frozen=True, eq=False)
class EnergySpread:
    """Spreads of the energies of the conformers of one molecule over n_models parameter sets, each (n_conformers,).

    total: of total energies, kcal/mol.
    relative: of energies above the conformer that the force field has lowest, kcal/mol; zero for that one.
    rank: of the ranks, 1 for the lowest.
    interaction: of interaction energies, kcal/mol; None for a molecule of one fragment.
    """

    total: FloatArray
    relative: FloatArray
    rank: FloatArray
    interaction: FloatArray | None
    n_models: int


def charge_spread(model: Model, molecule: Molecule, known: ForceField | None = None) -> ChargeSpread | None:
    """The spread of the charges; None for a model without further members.

    `known` is the model's own force field of the molecule, where it is there already. Raises UnsupportedElementError as
    `Model.force_field`, CheckpointError where a member's file is damaged.
    """
    if not model.members:
        return None
    return _charge_spread(_fields(model, molecule, known))


def charge_spreads(model: Model, molecules: Sequence[Molecule]) -> list[ChargeSpread] | None:
    """The same of several molecules, which go through each network together."""
    if not model.members:
        return None
    by_part = [part.force_fields(molecules) for part in (model, *model.members)]
    found = []
    for fields in zip(*by_part, strict=True):
        found.append(_charge_spread(fields))
    return found


def pair_spread(model: Model, molecule: Molecule, known: ForceField | None = None) -> PairSpread | None:
    """The spreads of the pairs' Lennard-Jones parameters; else as `charge_spread`."""
    if not model.members:
        return None
    tables = [field.pairs for field in _fields(model, molecule, known)]
    pairs = {
        name: _spread(np.stack([table[name].to_numpy(dtype=np.float64) for table in tables]))
        for name in ("sigma", "epsilon", "R_min")
    }
    return PairSpread(**pairs, n_models=len(tables))


def energy_spread(model: Model, molecule: Molecule, positions: ArrayLike | None = None) -> EnergySpread | None:
    """The spread of the energies at positions (n_conformers, n_atoms, 3) or (n_atoms, 3) in Angstrom.

    By default the molecule's own conformers. None for a model without further members. Raises ShapeError,
    MissingCoordinatesError for a molecule without conformers, and as `charge_spread`.
    """
    if not model.members:
        return None
    if positions is None:
        molecule.require_3d()
        positions = molecule.positions
    array = np.asarray(positions, dtype=np.float64)
    geometries = array[None] if array.ndim == 2 else array
    fields = _fields(model, molecule, None)
    total = np.stack([field.energy(geometries) for field in fields])
    interaction = None
    if molecule.n_fragments > 1:
        interaction = _spread(np.stack([field.interaction_energy(geometries) for field in fields]))
    lowest = int(np.argmin(total[0]))
    return EnergySpread(
        total=_spread(total),
        relative=_spread(total - total[:, lowest : lowest + 1]),
        rank=_spread(np.stack([energy_ranks(energies) for energies in total])),
        interaction=interaction,
        n_models=len(total),
    )


def _fields(model: Model, molecule: Molecule, known: ForceField | None) -> list[ForceField]:
    """The force fields by the model itself and by each further member."""
    own = model.force_field(molecule) if known is None else known
    return [own, *(member.force_field(molecule) for member in model.members)]


def _charge_spread(fields: Sequence[ForceField]) -> ChargeSpread:
    charges = np.stack([field.charges for field in fields])
    return ChargeSpread(charges[0], _spread(charges), len(charges))


def _spread(values: FloatArray) -> FloatArray:
    return np.asarray(values.std(axis=0, ddof=1))
