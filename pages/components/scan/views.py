"""The results of a scan: curves, minima and barriers, differences, and the geometries one by one."""

from collections.abc import Callable, Sequence
from functools import partial

import numpy as np
import pandas as pd
import plotly.graph_objects as go
import streamlit as st

from pages.components.scan.relaxation import Relaxed
from pages.components.shell import collected
from pages.components.shell.state import KEPT
from pages.components.shell.text import plain
from pages.components.widgets import card, geometry
from pages.components.widgets.comparison_views import (
    choose_reference,
    energies_by,
    energy_table,
    in_angstrom,
    in_two_decimals,
    timing,
)
from pages.components.widgets.film import show_film
from pages.components.widgets.show import download, show_figure, tabs
from pages.components.widgets.sight import points_of
from pages.components.widgets.workspace import Workspace
from virialff.conformers.scans import Scan
from virialff.export.ensembles import geometries_sdf, table_fields
from virialff.figures.energies import scan_figure
from virialff.methods.comparison import Comparison
from virialff.methods.scan_extrema import extrema_table
from virialff.methods.tables import SHOWN_SHARES, relative_energies_above, scan_differences, scan_table
from virialff.models.intervals import SHARES
from virialff.molecules import keys
from virialff.text import fixed

_HEIGHT = 360
_OWN_MINIMUM, _LAST_POINT = "each method's own lowest point", "the last point"


def results(work: Workspace, there: Relaxed, result: Comparison, stem: str) -> None:
    """Everything about the energies (kcal/mol) of a scan.

    The point that is chosen in a figure, a table or on the slider is what the structure shows.
    """
    scanned = there.scan
    key = keys.geometry_key(scanned.molecule)[:12]
    point_key = f"scan_point_{key}"
    if not 0 <= st.session_state.get(point_key, 0) < len(scanned.values):
        del st.session_state[point_key]
    # What decides about the curves stands below them, so that they are in sight first.
    curves = st.container()
    with st.popover("Zero and reference", icon=":material/tune:", type="tertiary"):
        reference = choose_reference(result, "scan_reference")
        zeros = [_OWN_MINIMUM, _LAST_POINT]
        start = zeros.index(_LAST_POINT) if scanned.kind == "separation" else 0
        zero = st.selectbox("Energies count from", zeros, start, key=f"scan_zero_{scanned.kind}", width=300, **KEPT)
    zero_point = len(scanned.values) - 1 if zero == _LAST_POINT else None
    shown = st.session_state.get(point_key, _first_shown(scanned))
    several = len(result.methods) > 1
    curve = partial(_energy_figure, scanned, result, zero_point, shown)
    differences = partial(_difference_figure, scanned, result, zero_point, reference, shown) if several else None
    points = partial(scan_table, scanned, result, reference if several else None, zero_point)
    # The report has all of it whichever tab is open.
    axis = in_angstrom(scanned.label)
    titles = (f"Energies by {axis}", f"Differences from {reference} by {axis}")
    collected.figure(titles[0], curve)
    if differences is not None:
        collected.figure(titles[1], differences)
    collected.table(energies_by("method"), lambda: in_two_decimals(extrema_table(scanned, result)))
    collected.table(energies_by(scanned.label), lambda: in_two_decimals(_without_differences(points())))
    with curves:
        tabs(
            "scan_view",
            {
                "Energies": partial(_curve, there, result, curve, titles[0], point_key, stem),
                "Minima and barriers": partial(_barriers, scanned, result, point_key, stem),
                "Differences": partial(_differences, scanned, differences, titles[1], reference, point_key),
                "All points": partial(_points, scanned, result, points, point_key, stem),
            },
        )
    said = " ".join(f"{note[:1].upper()}{note[1:]}." for note in there.notes)
    st.caption(plain(said, limit=1000))
    _geometries(work, scanned, result, point_key, stem)


def _first_shown(scanned: Scan) -> int:
    """The point next to where the scan began."""
    return int(np.abs(scanned.values - scanned.start).argmin())


def _heading(scanned: Scan) -> dict[str, str]:
    """Of the column with the values of the coordinate, which the page names elsewhere."""
    return {scanned.label: "at (Å)" if scanned.unit == "A" else "at (°)"}


def _name(scanned: Scan, value: float) -> str:
    return f"{fixed(value, 2)} Å" if scanned.unit == "A" else f"{fixed(value, 1)}°"


def _energy_figure(scanned: Scan, result: Comparison, zero: int | None, shown: int) -> go.Figure:
    return scan_figure(
        scanned.values,
        relative_energies_above(result, zero),
        coordinate=in_angstrom(scanned.label),
        start=scanned.start,
        shown=float(scanned.values[shown]),
        half_widths=result.half_widths(SHOWN_SHARES[0], zero),
        left_out=[value for value, _ in scanned.left_out],
        height=_HEIGHT,
    )


def _difference_figure(scanned: Scan, result: Comparison, zero: int | None, reference: str, shown: int) -> go.Figure:
    return scan_figure(
        scanned.values,
        scan_differences(relative_energies_above(result, zero), reference),
        coordinate=in_angstrom(scanned.label),
        quantity=f"energy minus that of {reference} (kcal/mol)",
        start=scanned.start,
        shown=float(scanned.values[shown]),
        left_out=[value for value, _ in scanned.left_out],
        height=_HEIGHT,
    )


def _curve(
    there: Relaxed, result: Comparison, figure: Callable[[], go.Figure], title: str, point_key: str, stem: str
) -> None:
    _clickable(there.scan, figure(), "scan_curves", title, point_key)
    _highest(there, result, point_key, stem)


def _highest(there: Relaxed, result: Comparison, point_key: str, stem: str) -> None:
    """The highest barrier by each method, and buttons that show and save the geometry at its top.

    What only looks like one, beside a jump of the curve, is none.
    """
    scanned = there.scan
    table = extrema_table(scanned, result)
    jumps = {_next_to(scanned, value) for jump in there.jumps for value in jump}
    smooth = [_next_to(scanned, value) not in jumps for value in table[scanned.label]]
    maxima = table[(table["kind"] == "maximum") & np.array(smooth, dtype=bool)]
    tops = maxima.sort_values("energy (kcal/mol)").groupby("method", sort=False).tail(1)
    if tops.empty:
        if jumps:
            st.markdown("No barrier is read off: the curve jumps where it is highest.")
        return
    columns = zip(tops["method"], tops["energy (kcal/mol)"], tops[scanned.label], strict=True)
    said = [
        f"{plain(method)} **{fixed(energy, 2)} kcal/mol** at {_name(scanned, value)}"
        for method, energy, value in columns
    ]
    with st.container(horizontal=True, vertical_alignment="center"):
        apart = ["from what is left out"] * bool(scanned.left_out) + ["from where the curve jumps"] * bool(jumps)
        where = f" apart {' and '.join(apart)}" if apart else ""
        st.markdown(f"Highest barrier{where}: {', '.join(said)}", width="content")
        number = _next_to(scanned, float(tops[scanned.label].iloc[-1]))
        st.button(
            "Show its geometry",
            key=f"top_of_{point_key}",
            icon=":material/landscape:",
            on_click=st.session_state.update,
            args=({point_key: number},),
        )
        _download_point(scanned, result, number, stem, "Save it (SDF)", "scan_top_sdf")


def _clickable(scanned: Scan, figure: go.Figure, key: str, alt: str, point_key: str) -> None:
    key = f"{key}_{point_key}"
    figure.update_layout(clickmode="event+select", dragmode=False)
    take = partial(_take_clicked, key, scanned.values, point_key)
    show_figure(figure, key=key, alt=alt, on_select=take, selection_mode="points")


def _take_clicked(key: str, values: np.ndarray, point_key: str) -> None:
    points = points_of(key)
    if points:
        st.session_state[point_key] = int(np.abs(values - float(points[0]["x"])).argmin())


def _take_row(key: str, point_key: str) -> None:
    rows = st.session_state[key].selection.rows
    if rows:
        st.session_state[point_key] = int(rows[0])


def _differences(
    scanned: Scan, figure: Callable[[], go.Figure] | None, title: str, reference: str, point_key: str
) -> None:
    if figure is None:
        st.info("Compute another method to see how far the two differ.")
        return
    st.markdown(f"**Difference from {plain(reference)}**")
    _clickable(scanned, figure(), "scan_differences", title, point_key)


def _points(scanned: Scan, result: Comparison, made: Callable[..., pd.DataFrame], point_key: str, stem: str) -> None:
    key = f"scan_points_{point_key}"
    take = partial(_take_row, key, point_key)
    table = _without_differences(made())
    energy_table(table, pinned=scanned.label, key=key, on_select=take, headings=_heading(scanned))
    card.explain_intervals(result)
    download("Scan (CSV)", partial(made, SHARES), f"{stem}_scan.csv")
    timing(list(result.methods), noun="point")


def _without_differences(table: pd.DataFrame) -> pd.DataFrame:
    return table.drop(columns=[name for name in table.columns if " - " in name])


def _barriers(scanned: Scan, result: Comparison, point_key: str, stem: str) -> None:
    table = extrema_table(scanned, result)
    if table.empty:
        st.info("No method has a minimum or maximum between the ends of this scan: widen it, or take more points.")
        return
    key = f"scan_extrema_{point_key}"
    take = partial(_take_extremum, key, table, scanned, point_key)
    energy_table(table, pinned="method", key=key, on_select=take, headings=_heading(scanned))
    st.caption(
        "Between the points by a parabola through three of them, above each method's lowest point. Of a maximum the "
        "barriers from the minima before and after it. Choose a row to see the point next to it."
    )
    download("Minima and barriers (CSV)", table, f"{stem}_barriers.csv")


def _take_extremum(key: str, table: pd.DataFrame, scanned: Scan, point_key: str) -> None:
    rows = st.session_state[key].selection.rows
    if rows:
        st.session_state[point_key] = _next_to(scanned, float(table[scanned.label].iloc[rows[0]]))


def _next_to(scanned: Scan, value: float) -> int:
    """The point next to a value of the coordinate."""
    off = np.abs(scanned.values - value)
    if scanned.kind == "torsion":
        off = np.minimum(off, np.abs(360.0 - off))
    return int(off.argmin())


def _geometries(work: Workspace, scanned: Scan, result: Comparison, point_key: str, stem: str) -> None:
    """The geometry of one point in the structure, all of them as a film, and their files."""
    n = len(scanned.values)
    names = [_name(scanned, value) for value in scanned.values]
    shown = st.select_slider(
        "Geometry at", range(n), _first_shown(scanned), format_func=names.__getitem__, key=point_key, **KEPT
    )
    moving = () if scanned.kind == "separation" else scanned.atoms
    positions = scanned.molecule.positions[shown]
    where = f"point {shown + 1} of {n} of the scan, {names[shown]}"
    work.sight.show(positions, f"{where}; the scan started from {work.geometry.source}")
    work.sight.light(moving)
    said = {method.name: method.relative[shown] for method in result.methods}
    energies = ", ".join(f"{plain(name)} {fixed(value, 2)}" for name, value in said.items() if np.isfinite(value))
    st.caption(f"At {names[shown]}: {energies} kcal/mol above each method's lowest point.")
    with st.container(horizontal=True, vertical_alignment="center"):
        _download_point(scanned, result, shown, stem, "This geometry (SDF)", "scan_point_sdf")
        download(f"All {n} geometries (SDF)", _sdf(scanned, result, range(n)), f"{stem}_scan.sdf", key="scan_sdf")
        source = f"point of a {scanned.kind} scan at {names[shown]}, from {work.geometry.source}"
        st.button(
            "Show it on every page",
            icon=":material/visibility:",
            on_click=geometry.keep,
            args=(work.shown.molecule, f"Scan at {names[shown]}", positions, source),
        )
        playing = st.toggle("Play through all", key="scan_film", **KEPT)
    if playing:
        charges, what = work.force_field.charges, "the geometries of the scan"
        show_film(scanned.molecule, charges, names, shown, marked=moving, alt=what)


def _download_point(scanned: Scan, result: Comparison, number: int, stem: str, label: str, key: str) -> None:
    """The geometry of one point, from 0, as a file with its energies."""
    at = _name(scanned, scanned.values[number]).removesuffix("°").removesuffix(" Å").replace("−", "-")
    download(label, _sdf(scanned, result, [number]), f"{stem}_{at}.sdf", key=key)


def _sdf(scanned: Scan, result: Comparison, numbers: Sequence[int]) -> Callable[[], str]:
    levels = {method.name: method.level for method in result.methods}
    return lambda: geometries_sdf(scanned.molecule, table_fields(scan_table(scanned, result), levels), list(numbers))
