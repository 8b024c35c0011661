"""Three dimers whose shape every chemist knows: water, benzene T-shaped and benzene sandwich.

A force field that has learned its interactions only from energies may still put the wells in the wrong place, leave
something at long range or have bumps on the way. Geometries from S66 and S22 (psi4-data).
"""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from virialff.benchmarks.psi4_databases import read_database
from virialff.engines import Engine
from virialff.interactions.dissociation import DissociationCurve, centre_separation, dissociation_curve
from virialff.interactions.energies import InteractionMethod
from virialff.models.force_field import Model
from virialff.molecules.molecule import Molecule

#: |E_int| allowed at 10 Angstrom, kcal/mol.
LONG_RANGE_TOLERANCE = 0.15
#: Depth of a further well (kcal/mol) that counts as a bump.
BUMP = 0.02
#: Accepted distance of the minimum in Angstrom: O-O in water, between the centres in benzene.
WINDOWS = {"water": (2.7, 3.1), "benzene T-shaped": (4.7, 5.3), "benzene sandwich": (3.6, 4.2)}
_STEP = 0.1


@dataclass(frozen=True, eq=False)
class DimerCheck:
    """What one method makes of one dimer.

    distance: of the minimum, Angstrom (O-O in water, between the centres in benzene); window: where it belongs.
    well_depth, long_range: E_int in kcal/mol at the minimum and at 10 Angstrom.
    n_bumps: further wells deeper than BUMP on the way from the minimum to 10 Angstrom.
    curve: what this was read from.
    """

    name: str
    distance: float
    window: tuple[float, float]
    well_depth: float
    long_range: float
    n_bumps: int
    curve: DissociationCurve

    @property
    def holds(self) -> bool:
        """True if the minimum is in its window, nothing is left at 10 Angstrom and there is no bump."""
        in_window = self.window[0] <= self.distance <= self.window[1]
        return in_window and abs(self.long_range) <= LONG_RANGE_TOLERANCE and self.n_bumps == 0


def reference_dimers() -> dict[str, Molecule]:
    """The three dimers by name, one conformer each. Raises EvaluationSetError without psi4-data."""
    water = Molecule.from_rdkit(read_database("S66")[0].to_rdkit())
    t_shaped = Molecule.from_rdkit(next(item for item in read_database("S22") if item.index == 20).to_rdkit())
    ring = t_shaped.fragment(0)
    atoms = ring.positions[0] - ring.positions[0].mean(axis=0)
    normal = np.linalg.svd(atoms)[2][2]
    sandwich = Molecule.join(ring, ring.with_positions(ring.positions + 3.9 * normal))
    return {"water": water, "benzene T-shaped": t_shaped, "benzene sandwich": sandwich}


def check_dimers(method: "Engine | Model | InteractionMethod") -> list[DimerCheck]:
    """Dissociation curves of the three dimers with one method, from 0.8 Angstrom inside to 10 Angstrom.

    Raises EvaluationSetError without psi4-data, and what the method raises.
    """
    return [_check(name, molecule, method) for name, molecule in reference_dimers().items()]


def as_table(checks: list[DimerCheck]) -> pd.DataFrame:
    """One row a dimer, units in the column names."""
    return pd.DataFrame(
        {
            "dimer": [check.name for check in checks],
            "distance (Angstrom)": [check.distance for check in checks],
            "window (Angstrom)": ["{:g} to {:g}".format(*check.window) for check in checks],
            "well depth (kcal/mol)": [check.well_depth for check in checks],
            "E_int at 10 Angstrom (kcal/mol)": [check.long_range for check in checks],
            "bumps": [check.n_bumps for check in checks],
            "holds": [check.holds for check in checks],
        }
    )


def _check(name: str, molecule: Molecule, method: "Engine | Model | InteractionMethod") -> DimerCheck:
    start, _ = centre_separation(molecule, molecule.positions[0])
    separations = np.append(np.arange(start - 0.8, 9.99, _STEP), 10.0)
    curve = dissociation_curve(molecule, molecule.positions[0], separations, {"E_int": method})
    energies = curve.table["E_int"].to_numpy()
    lowest = int(np.argmax(energies))
    distance = float(separations[lowest])
    if name == "water":
        distance = _oxygen_distance(molecule, distance - start)
    return DimerCheck(
        name, distance, WINDOWS[name], float(energies[lowest]), float(energies[-1]), _bumps(energies[lowest:]), curve
    )


def _oxygen_distance(molecule: Molecule, shift: float) -> float:
    _, direction = centre_separation(molecule, molecule.positions[0])
    first, second = molecule.positions[0, molecule.numbers == 8]
    return float(np.linalg.norm(second + shift * direction - first))


def _bumps(energies: np.ndarray) -> int:
    """Further wells: E_int rises by more than BUMP and falls by more than BUMP again.

    A rise alone is none: the sandwich is repelled by its quadrupoles far out, and that fades.
    """
    count, low, high, rising = 0, energies[0], energies[0], False
    for energy in energies[1:]:
        if not rising:
            low = min(low, energy)
            rising, high = energy > low + BUMP, energy
        else:
            high = max(high, energy)
            if energy < high - BUMP:
                count, rising, low = count + 1, False, energy
    return count
