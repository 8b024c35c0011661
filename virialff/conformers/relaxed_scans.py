"""Relaxed scans: at each value of a coordinate the rest of the molecule relaxes, by any method with forces."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from virialff.conformers.ensembles import displacements
from virialff.conformers.held import HeldCoordinate
from virialff.conformers.relax import Minimum, minimize_by
from virialff.conformers.scans import Scan, coordinate_name
from virialff.engines.base import Progress
from virialff.errors import EngineError
from virialff.molecules.changes import connectivity_changes

if TYPE_CHECKING:
    from virialff.methods.method import ForceMethod

#: Largest force on an atom of a relaxed point without that along the coordinate, kcal/mol/Angstrom.
FORCE_TOLERANCE = 1.0
MAX_STEPS = 100
# Of smooth relaxed scans the ratio is 0.6 to 2; where the rest flips, RMSDs of 0.6 Angstrom and more come up.
_JUMP_TIMES, _JUMP = 3.0, 0.2


@dataclass(frozen=True)
class RelaxedScan:
    """Result of `relax_scan`."""

    scan: Scan  #: with the relaxed geometries
    level_of_theory: str
    energies: NDArray[np.float64]  #: (n_points,) of the method that relaxed, kcal/mol
    converged: NDArray[np.bool_]  #: (n_points,), the largest free force is within the tolerance asked for
    changes: tuple[tuple[str, ...], ...]  #: a point: sentences on other bonds that broke or formed; empty if none
    jumps: tuple[tuple[float, float], ...] = ()  #: neighbouring values between which the rest took another form

    def notes(self) -> list[str]:
        """What a reader must know of single points, a sentence each."""
        found = []
        for value, converged, changes in zip(self.scan.values, self.converged, self.changes, strict=True):
            at = f"at {value:g} {self.scan.unit}"
            found += [f"{at}, while the rest was relaxed, {change}" for change in changes]
            if not converged:
                found.append(f"{at} the relaxation stopped before the forces were small")
        for low, high in self.jumps:
            found.append(
                f"between {low:g} and {high:g} {self.scan.unit} the rest of the molecule falls into another form, so "
                "that the curve jumps; what looks like a barrier there is none"
            )
        return found


def relax_scan(
    rigid: Scan,
    method: ForceMethod,
    *,
    force_tolerance: float = FORCE_TOLERANCE,
    max_steps: int = MAX_STEPS,
    progress: Progress | None = None,
    known: Mapping[int, Minimum] | None = None,
    keep: Callable[[int, Minimum], object] | None = None,
) -> RelaxedScan:
    """Relax every point of a rigid scan with its coordinate held.

    The point next to the value that the scan began from is relaxed first, then its neighbours upwards and downwards,
    each from the relaxed geometry before it, so that the geometry follows the coordinate.

    Parameters
    ----------
    rigid : Scan
        Of `scans.scan` or `scans.scan_separation`; its values, in any order, are those of the result.
    method : ForceMethod
        Any method that gives forces.
    force_tolerance : float, optional
        Largest force on an atom in kcal/mol/Angstrom, without that along the coordinate.
    max_steps : int, optional
        A point that has not converged by then is kept, and said.
    progress : callable, optional
        Called with the points done and their number after each; what it raises stops the run.
    known : mapping of int to Minimum, optional
        Points (from 0) that an earlier run of the same scan and method came to; they are not relaxed again.
    keep : callable, optional
        Called with the number and the minimum of each further point before `progress`, for a run that goes on later.

    Returns
    -------
    RelaxedScan
        The relaxed geometries and their energies in the order of the values.

    Raises
    ------
    EngineError
        If the method cannot compute the molecule, or fails at a point, which is named.
    """
    molecule = rigid.molecule
    reason = method.available() or method.unsupported(molecule)
    if reason is not None:
        raise EngineError(reason)
    found = dict(known or {})
    for number, before in _outwards(rigid):
        if number in found:
            continue
        held = HeldCoordinate(molecule, rigid.kind, rigid.atoms, float(rigid.values[number]))
        start = molecule.positions[number] if before is None else held.put_back(found[before].positions)
        try:
            found[number] = minimize_by(
                method, molecule, start, force_tolerance=force_tolerance, max_steps=max_steps, held=held
            )
        except EngineError as error:
            name = coordinate_name(molecule, rigid.kind, rigid.atoms)
            raise EngineError(f"with the {name} at {held.value:g} {rigid.unit}: {error.message}") from error
        if keep is not None:
            keep(number, found[number])
        if progress is not None:
            progress(len(found), len(rigid.values))
    return of_minima(rigid, method.level, found)


def of_minima(rigid: Scan, level: str, minima: Mapping[int, Minimum]) -> RelaxedScan:
    """The relaxed scan of which every point is known, by its number from 0. Raises KeyError for one that is missing."""
    molecule = rigid.molecule
    points = [minima[number] for number in range(len(rigid.values))]
    relaxed = replace(rigid, molecule=molecule.with_positions(np.array([point.positions for point in points])))
    return RelaxedScan(
        relaxed,
        level,
        np.array([point.energy for point in points]),
        np.array([point.converged for point in points]),
        tuple(_changes(rigid, number, point.positions) for number, point in enumerate(points)),
        _jumps(rigid, relaxed),
    )


def _outwards(rigid: Scan) -> Iterator[tuple[int, int | None]]:
    """Each point and the one that it starts from: first the one nearest to the start, then up, then down."""
    order = np.argsort(rigid.values, kind="stable").tolist()
    off = rigid.values - rigid.start
    if rigid.kind == "torsion":
        off = (off + 180.0) % 360.0 - 180.0
    first = order.index(int(np.abs(off).argmin()))
    yield order[first], None
    for place in range(first + 1, len(order)):
        yield order[place], order[place - 1]
    for place in range(first - 1, -1, -1):
        yield order[place], order[place + 1]


def _jumps(rigid: Scan, relaxed: Scan) -> tuple[tuple[float, float], ...]:
    """Neighbouring values whose relaxed geometries lie much further apart than the rigid ones do."""
    order = np.argsort(rigid.values, kind="stable")
    apart = []
    for molecule in (relaxed.molecule, rigid.molecule):
        ordered = molecule.positions[order]
        apart.append(displacements(molecule, ordered[:-1], ordered[1:]))
    values = rigid.values[order]
    jumps = np.flatnonzero(apart[0] > _JUMP_TIMES * apart[1] + _JUMP)
    return tuple((float(values[k]), float(values[k + 1])) for k in jumps)


def _changes(rigid: Scan, number: int, positions: NDArray[np.float64]) -> tuple[str, ...]:
    """Bonds broken or formed in a relaxed point (n_atoms, 3) but not in the rigid one: a scanned bond is meant to."""
    meant = connectivity_changes(rigid.molecule, rigid.molecule.positions[number])
    return tuple(change for change in connectivity_changes(rigid.molecule, positions) if change not in meant)
