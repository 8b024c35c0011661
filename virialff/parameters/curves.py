"""The potential of every pair of atoms along distances, and Lennard-Jones parameters fitted to it."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import pandas as pd
import torch
from scipy.optimize import nnls

from virialff.molecules.topology import RELATIONS, all_pairs, pair_relations
from virialff.potential.coulomb import coulomb_derivative, coulomb_energy
from virialff.potential.gaussians import gaussian_energy_and_derivative
from virialff.potential.lennard_jones import (
    dispersion_derivative,
    dispersion_energy,
    repulsion_derivative,
    repulsion_energy,
)

if TYPE_CHECKING:
    from virialff.models.force_field import ForceField

#: A Lennard-Jones curve is fitted from where the potential without Coulomb falls below FIT_BELOW (kcal/mol) for good
#: to FIT_TO (Angstrom).
FIT_BELOW, FIT_TO = 2.0, 12.0
_FIT_STEP = 0.02


class PairCurves(NamedTuple):
    """Potentials of pairs of atoms at the same distances; a pair stands once, whatever the rows of the model."""

    pairs: np.ndarray  #: (n_pairs, 2) atoms i < j, from 0
    distances: np.ndarray  #: (n,), Angstrom
    energies: np.ndarray  #: (n_pairs, n), kcal/mol
    slopes: np.ndarray  #: (n_pairs, n), their derivatives by the distance, kcal/mol/Angstrom


def pair_curves(force_field: ForceField, distances: np.ndarray, *, coulomb: bool = True) -> PairCurves:
    """The potential of every pair at distances (n,) in Angstrom, above 0; without the Coulomb term if so wished."""
    parameters = force_field.parameters
    r = torch.as_tensor(np.asarray(distances, dtype=np.float64))
    coefficients = parameters.coefficients.double().cpu()
    free = (~parameters.bonded.cpu()).double()[:, None]
    c0, c1 = coefficients[:, :1] * free, coefficients[:, 1:2] * free
    short, short_slope = gaussian_energy_and_derivative(
        r.expand(len(coefficients), -1).unsqueeze(1),
        coefficients[:, None, None, 2::2],
        coefficients[:, None, None, 3::2],
    )
    energies = short.squeeze(1) + dispersion_energy(r, c0) + repulsion_energy(r, c1)
    slopes = short_slope.squeeze(1) + dispersion_derivative(r, c0) + repulsion_derivative(r, c1)
    i, j = parameters.pair_index.cpu().numpy()
    if coulomb:
        charges = torch.from_numpy(force_field.charges)
        product = (charges[i] * charges[j])[:, None] * free
        energies, slopes = energies + coulomb_energy(r, product), slopes + coulomb_derivative(r, product)
    if parameters.threshold is not None:
        within = (r <= parameters.threshold) | (free == 0)
        energies, slopes = energies * within, slopes * within
    pairs, place = np.unique(np.stack([np.minimum(i, j), np.maximum(i, j)], axis=1), axis=0, return_inverse=True)
    summed = [np.zeros((len(pairs), len(r))) for _ in range(2)]
    for total, values in zip(summed, (energies, slopes), strict=True):
        np.add.at(total, place.ravel(), parameters.weight * values.numpy())
    return PairCurves(pairs, r.numpy(), *summed)


def lennard_jones_table(force_field: ForceField) -> pd.DataFrame:
    """Lennard-Jones parameters fitted to dispersion, repulsion and Gaussians together, for programs of no other forms.

    The fit is by least squares with C6 and C12 of 0 or more, at equal steps of the distance, from where the curve falls
    below FIT_BELOW for good to FIT_TO. Bonded and 1-3 pairs are left out: their wells are no Lennard-Jones ones.

    Parameters
    ----------
    force_field : ForceField
        Of one molecule or complex.

    Returns
    -------
    DataFrame
        A row a pair: atom_i and atom_j (from 1), elements, relation, sigma_A, epsilon_kcal_per_mol (NaN where C6 or C12
        is 0), C6_kcal_A6_per_mol, C12_kcal_A12_per_mol, from_A, where the fit begins, and how far it is off:
        rms_error_kcal_per_mol and largest_error_kcal_per_mol.
    """
    distances = np.arange(0.5, FIT_TO + _FIT_STEP / 2, _FIT_STEP)
    curves = pair_curves(force_field, distances, coulomb=False)
    molecule = force_field.molecule
    relation_of = dict(
        zip(
            map(tuple, all_pairs(molecule.n_atoms).T.tolist()),
            pair_relations(molecule.n_atoms, molecule.bonds).tolist(),
            strict=True,
        )
    )
    rows = []
    for (i, j), energies in zip(curves.pairs.tolist(), curves.energies, strict=True):
        relation = RELATIONS[relation_of[i, j]]
        if relation in ("bonded", "1-3"):
            continue
        above = np.flatnonzero(energies > FIT_BELOW)
        first = 0 if not len(above) else min(int(above[-1]) + 1, len(distances) - 2)
        r, target = distances[first:], energies[first:]
        basis = np.stack([-(r**-6), r**-12], axis=1)
        scale = np.abs(basis).max(axis=0)
        (c6, c12), _ = nnls(basis / scale, target)
        c6, c12 = c6 / scale[0], c12 / scale[1]
        error = basis @ [c6, c12] - target
        defined = c6 > 0 and c12 > 0
        rows.append(
            {
                "atom_i": i + 1,
                "atom_j": j + 1,
                "element_i": molecule.symbols[i],
                "element_j": molecule.symbols[j],
                "relation": relation,
                "sigma_A": (c12 / c6) ** (1 / 6) if defined else np.nan,
                "epsilon_kcal_per_mol": c6**2 / (4 * c12) if defined else np.nan,
                "C6_kcal_A6_per_mol": c6,
                "C12_kcal_A12_per_mol": c12,
                "from_A": r[0],
                "rms_error_kcal_per_mol": float(np.sqrt(np.mean(error**2))),
                "largest_error_kcal_per_mol": float(np.abs(error).max()),
            }
        )
    return pd.DataFrame(rows)
