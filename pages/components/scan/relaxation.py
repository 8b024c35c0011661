"""Relaxing the rest of a molecule at each point of a scan, in the background, with what is known already."""

from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from typing import NamedTuple

import numpy as np
import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from pages.components.scan import tasks
from pages.components.shell import background, press
from pages.components.widgets.methods import choose_relaxer, remember
from pages.components.widgets.tasks import Chosen
from virialff.conformers.relax import Minimum
from virialff.conformers.relaxed_scans import FORCE_TOLERANCE, of_minima
from virialff.conformers.scans import Scan
from virialff.methods.runs import LatestResults, MethodEnergies
from virialff.models.force_field import Model
from virialff.molecules import keys

_RIGID = "The rest stays rigid: the part beyond the coordinate moves as a whole"


@st.cache_resource(show_spinner=False)
def relaxed_points() -> LatestResults[dict[int, Minimum]]:
    """The points of relaxed scans by method and scan, shared by all sessions."""
    return LatestResults(max_entries=64)


class Relaxed(NamedTuple):
    """A scan, relaxed where that is done, sentences on its points, and the values between which its curve jumps."""

    scan: Scan
    notes: list[str]
    jumps: Sequence[tuple[float, float]] = ()


def relaxed(rigid: Scan, model: Model, row: DeltaGenerator) -> Relaxed:
    """The widgets to relax a scan, in this row, and what there is of it."""
    with row:
        method = choose_relaxer("scan_relax", "Relax the rest with", model, rigid.molecule)
        place = st.container(width="content")
    if method is None:
        return Relaxed(rigid, [_RIGID])
    kept_at = (method.key, f"{rigid.kind}_{rigid.atoms}_{keys.geometry_key(rigid.molecule)}")
    key = f"relax_scan_{'_'.join(kept_at)}"
    background.show(key)
    points = relaxed_points().get(kept_at) or {}
    n, done = len(rigid.values), len(points)
    if done < n:
        if not background.running(key):
            with place:
                press.button(
                    f"Go on ({done} of {n} are relaxed)" if done else f"Relax {n} points",
                    partial(_start, key, kept_at, rigid, method, points),
                    key="relax_points",
                    icon=":material/south:",
                    type="primary",
                )
        return Relaxed(rigid, [f"{_RIGID}, until all points are relaxed"])
    found = of_minima(rigid, method.level, points)
    # Their energies came with them.
    ensemble = found.scan.molecule
    remember(method, ensemble, MethodEnergies(method.label, method.level, np.asarray(found.energies)))
    said = (
        f"Relaxed at each point with {method.label}, the coordinate held, until no force exceeds {FORCE_TOLERANCE:g} "
    )
    return Relaxed(found.scan, [f"{said}kcal/mol/Å", *found.notes()], found.jumps)


def _start(key: str, kept_at: tuple[str, str], rigid: Scan, method: Chosen, points: dict[int, Minimum]) -> None:
    cache = relaxed_points()

    def keep(point: tasks.Point | None) -> None:
        if point is not None:
            cache.put(kept_at, {**(cache.get(kept_at) or {}), point[0]: point[1]})

    bare = keys.bare(rigid.molecule).with_positions(rigid.molecule.positions)
    scan = replace(rigid, molecule=bare)
    background.start(key, tasks.relax_points, scan, method.name, points, title="Relaxing the scan", keep=keep)
