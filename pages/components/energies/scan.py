"""Scans on the page Energies: choose a coordinate, see every method's curve and the differences."""

import math

import numpy as np
import streamlit as st

from pages.components.shell.state import KEPT, Loaded, keep_in_link, opened_with
from pages.components.shell.text import file_stem, plain, sentence
from pages.components.widgets import card
from pages.components.widgets.comparison_views import choose_reference, energy_table, timing
from pages.components.widgets.geometry import shown_geometry
from pages.components.widgets.methods import choose_methods, energies
from pages.components.widgets.show import download, show_figure
from virialff.conformers import scans
from virialff.conformers.scans import Scan, ScanKind
from virialff.errors import VirialffError
from virialff.figures.energies import scan_figure
from virialff.methods.comparison import Comparison
from virialff.methods.tables import SHOWN_SHARES, relative_energies_above, scan_differences, scan_table
from virialff.models.force_field import Model
from virialff.models.intervals import SHARES
from virialff.molecules import keys
from virialff.molecules.molecule import Molecule

_MOST_POINTS = 100
_KIND_LABELS: dict[ScanKind, str] = {
    "torsion": "Torsion",
    "bond": "Bond length",
    "angle": "Angle",
    "separation": "Pull apart",
}
_KINDS: dict[str, ScanKind] = {kind: kind for kind in _KIND_LABELS}
_LINK_PART = "scan"
_OWN_MINIMUM, _LAST_POINT = "each method's own lowest point", "the last point"


def show_scan(shown: Loaded, model: Model) -> None:
    """The widgets of a scan of the current molecule, its curves, table and download."""
    scanned = _choose(shown)
    if scanned is None:
        return
    st.subheader("Energies")
    methods = choose_methods(model, shown.molecule)
    if not methods:
        st.info("Choose at least one method.")
        return
    runs = [run for run in energies(methods, scanned.molecule, at_once=model, noun="point") if run.succeeded]
    if not runs:
        return
    timing(runs, noun="point")
    known = card.uncertainties(model, scanned.molecule, runs, "torsion") if scanned.kind == "torsion" else {}
    result = Comparison(scanned.molecule, tuple(runs), uncertainties=known)
    _curves(scanned, result, file_stem(shown.title, shown.molecule.formula))


def _choose(shown: Loaded) -> Scan | None:
    geometry = shown_geometry(shown)
    st.caption(plain(geometry.note, limit=1000))
    if geometry.positions is None:
        return None
    molecule = shown.molecule.with_positions(geometry.positions[None])
    key = keys.geometry_key(molecule)[:12]
    kinds = [kind for kind in _KIND_LABELS if scans.coordinates(molecule, kind)]
    if not kinds:
        st.info("This molecule has no bond, angle or torsion outside its rings, so there is nothing to scan.")
        return None
    if (text := opened_with(_LINK_PART)) is not None:
        _take_link(text, molecule, key)
    kind = st.segmented_control(
        "Scan",
        kinds,
        default="separation" if "separation" in kinds else kinds[0],
        required=True,
        format_func=_KIND_LABELS.__getitem__,
        key=f"scan_kind_{key}",
        **KEPT,
    )
    choices = scans.coordinates(molecule, kind)
    with st.container(horizontal=True, vertical_alignment="bottom"):
        index = st.selectbox(
            "Molecule that moves" if kind == "separation" else "Atoms",
            range(len(choices)),
            len(choices) - 1 if kind == "separation" else 0,
            format_func=lambda number: _name(molecule, kind, choices[number], number),
            key=f"scan_atoms_{kind}_{key}",
            width=260,
            **KEPT,
        )
        try:
            return _values(molecule, kind, choices[index], index, key)
        except VirialffError as error:
            reason = sentence(error)
    st.error(reason, title="This cannot be scanned")
    return None


def _link_text(atoms: tuple[int, ...], kind: ScanKind, first: float, last: float, points: int) -> str:
    """A scan as it stands in the address: kind, atoms from 1, first and last value, number of points."""
    return f"{kind}_{'-'.join(str(atom + 1) for atom in atoms)}_{first:.10g}_{last:.10g}_{points}"


def _take_link(text: str, molecule: Molecule, key: str) -> None:
    """Set the widgets to the scan of a link; what is no scan of this molecule is said and left out."""
    kind, _, rest = text.partition("_")
    try:
        atoms, first, last, points = rest.split("_")
        coordinates = scans.coordinates(molecule, _KINDS[kind])
        number = coordinates.index(tuple(int(atom) - 1 for atom in atoms.split("-")))
        low, high, n_points = float(first), float(last), int(points)
    except (ValueError, KeyError):
        st.warning(plain(f"The link names the scan {text}, which this molecule does not have."))
        return
    if not (math.isfinite(low) and math.isfinite(high) and 2 <= n_points <= _MOST_POINTS):
        st.warning(plain(f"The link names the scan {text}, whose values cannot be used."))
        return
    st.session_state[f"scan_kind_{key}"] = kind
    st.session_state[f"scan_atoms_{kind}_{key}"] = number
    st.session_state[f"scan_from_{kind}_{number}_{key}"] = low
    st.session_state[f"scan_to_{kind}_{number}_{key}"] = high
    st.session_state["scan_points"] = n_points


def _name(molecule: Molecule, kind: ScanKind, atoms: tuple[int, ...], number: int) -> str:
    if kind == "separation":
        return f"{number + 1}: {molecule.fragment(number).formula}"
    return scans.coordinate_name(molecule, kind, atoms).removeprefix(f"{kind} ")


def _values(molecule: Molecule, kind: ScanKind, atoms: tuple[int, ...], number: int, key: str) -> Scan:
    apart = kind == "separation"
    start = scans.separation_of(molecule, fragment=number) if apart else scans.value_of(molecule, atoms)
    low, high = scans.usual_range(kind, start)
    unit = "Å" if kind in ("bond", "separation") else "°"
    key = f"{kind}_{number}_{key}"
    first = st.number_input(f"From ({unit})", value=float(low), key=f"scan_from_{key}", width=150, **KEPT)
    last = st.number_input(f"To ({unit})", value=float(high), key=f"scan_to_{key}", width=150, **KEPT)
    points = st.number_input("Points", 2, _MOST_POINTS, 25, key="scan_points", width=150, **KEPT)
    keep_in_link(_LINK_PART, _link_text(atoms, kind, first, last, int(points)))
    values = np.linspace(first, last, int(points))
    if apart:
        return scans.scan_separation(molecule, values, fragment=number)
    return scans.scan(molecule, atoms, values)


def _curves(scanned: Scan, result: Comparison, stem: str) -> None:
    with st.container(horizontal=True):
        reference = choose_reference(result, "scan_reference")
        zeros = [_OWN_MINIMUM, _LAST_POINT]
        start = zeros.index(_LAST_POINT) if scanned.kind == "separation" else 0
        zero = st.selectbox("Energies count from", zeros, start, key=f"scan_zero_{scanned.kind}", width=300, **KEPT)
    point = len(scanned.values) - 1 if zero == _LAST_POINT else None
    relative = relative_energies_above(result, point)
    colours = {name: place for place, name in enumerate(relative)}
    axis = scanned.label.replace("(A)", "(Å)")
    several = len(relative) > 1
    left, right = st.columns(2, gap="medium") if several else (st.container(), None)
    with left:
        st.markdown("**Energy along the scan**")
        figure = scan_figure(
            scanned.values,
            relative,
            coordinate=axis,
            start=scanned.start,
            half_widths=result.half_widths(SHOWN_SHARES[0], point),
        )
        show_figure(figure, key="scan_curves", alt=f"Energies by {axis}")
    if right is not None:
        with right:
            st.markdown(f"**Difference from {plain(reference)}**")
            figure = scan_figure(
                scanned.values,
                scan_differences(relative, reference),
                coordinate=axis,
                quantity=f"energy minus that of {reference} (kcal/mol)",
                start=scanned.start,
                colours=colours,
            )
            show_figure(figure, key="scan_differences", alt=f"Differences from {reference} by {axis}")
    st.caption(
        "The geometries are rigid: the part beyond the coordinate moves as a whole and nothing is relaxed. The dotted "
        "line is where the scan began."
    )
    table = scan_table(scanned, result, reference if several else None, point)
    energy_table(table.drop(columns=[name for name in table.columns if " - " in name]), pinned=scanned.label)
    card.explain_intervals(result)
    table = scan_table(scanned, result, reference if several else None, point, SHARES)
    download("Scan (CSV)", table, f"{stem}_scan.csv")
