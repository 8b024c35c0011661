"""Which coordinate the page Scan steps through, and where: chosen from a list, by picked atoms, or by a link."""

import math
from dataclasses import dataclass

import numpy as np
import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from pages.components.shell.link_values import say_unusable
from pages.components.shell.state import KEPT, keep_in_link, opened_with
from pages.components.shell.text import sentence
from pages.components.widgets.picked import pick
from virialff.conformers import scans
from virialff.conformers.scans import Scan, ScanKind
from virialff.errors import MoleculeError, VirialffError
from virialff.molecules import keys
from virialff.molecules.bond_names import bond_names
from virialff.molecules.molecule import Molecule

_POINTS, _MOST_POINTS = 25, 100
_KIND_LABELS: dict[ScanKind, str] = {
    "torsion": "Torsion",
    "bond": "Bond length",
    "angle": "Angle",
    "separation": "Pull apart",
}
_KINDS: dict[str, ScanKind] = {kind: kind for kind in _KIND_LABELS}
_KIND_OF: dict[int, ScanKind] = {2: "bond", 3: "angle", 4: "torsion"}
_LINK_PART = "scan"
_PICKED = "scan_picked"


@dataclass(frozen=True)
class _Offered:
    """The coordinates of one kind, and what they are called."""

    kind: ScanKind
    atoms: list[tuple[int, ...]]
    names: list[str]


def choose(molecule: Molecule, row: DeltaGenerator, picked: tuple[int, ...] = ()) -> Scan | None:
    """The widgets of a scan of a molecule with one conformer; None where nothing can be scanned, which is said.

    row: where the range is chosen. picked: atoms (from 0) that are marked in the structure, in their order.
    """
    key = keys.geometry_key(molecule)[:12]
    kinds = [kind for kind in _KIND_LABELS if scans.coordinates(molecule, kind)]
    if not kinds:
        st.info("This molecule has no bond, angle or torsion outside its rings, so there is nothing to scan.")
        return None
    if (text := opened_with(_LINK_PART)) is not None:
        _take_link(text, molecule, key)
    _take_picked(molecule, picked, key)
    with st.container(horizontal=True, vertical_alignment="bottom"):
        kind = st.segmented_control(
            "Scan",
            kinds,
            default="separation" if "separation" in kinds else kinds[0],
            required=True,
            format_func=_KIND_LABELS.__getitem__,
            key=f"scan_kind_{key}",
            **KEPT,
        )
        offered = _offered(molecule, kind, key)
        index = st.selectbox(
            "Molecule that moves" if kind == "separation" else "Atoms",
            range(len(offered.atoms)),
            len(offered.atoms) - 1 if kind == "separation" else 0,
            format_func=offered.names.__getitem__,
            key=f"scan_atoms_{kind}_{key}",
            width=235,
            on_change=_show_atoms,
            args=(molecule, offered, key),
            **KEPT,
        )
    with row:
        first, last, points = _range(molecule, offered, index, key)
    try:
        return _scan(molecule, offered, index, np.linspace(first, last, points))
    except VirialffError as error:
        reason = sentence(error)
    st.error(reason, title="This cannot be scanned")
    return None


def _offered(molecule: Molecule, kind: ScanKind, key: str) -> _Offered:
    """The library's coordinates of a kind, and one of the user's own where other atoms name it."""
    atoms = scans.coordinates(molecule, kind)
    own: tuple[int, ...] | None = st.session_state.get(f"scan_own_{kind}_{key}")
    if own is not None and own not in atoms:
        atoms = [*atoms, own]
    if kind == "separation":
        return _Offered(kind, atoms, [f"{k + 1}: {molecule.fragment(k).formula}" for k in range(len(atoms))])
    names = bond_names(molecule)
    texts = []
    for one in atoms:
        text = scans.coordinate_name(molecule, kind, one).removeprefix(f"{kind} ")
        middle = one[1:3] if kind == "torsion" else one
        name = "" if kind == "angle" else names.get((min(middle), max(middle)), "")
        texts.append(f"{text}, {name}" if name else text)
    return _Offered(kind, atoms, texts)


def _show_atoms(molecule: Molecule, offered: _Offered, key: str) -> None:
    """Pick the atoms of the coordinate that was chosen from the list, so that the structure shows them."""
    if offered.kind != "separation":
        atoms = offered.atoms[st.session_state[f"scan_atoms_{offered.kind}_{key}"]]
        pick(molecule, atoms)
        st.session_state[_PICKED] = (key, atoms)


def _choose_atoms(molecule: Molecule, kind: ScanKind, atoms: tuple[int, ...], key: str) -> int:
    """Set the widgets to these atoms, which may be given from either end; their place among what is offered."""
    known = scans.coordinates(molecule, kind)
    for one in (atoms, atoms[::-1]):
        if one in known:
            atoms = one
    st.session_state[f"scan_own_{kind}_{key}"] = atoms
    place = known.index(atoms) if atoms in known else len(known)
    st.session_state[f"scan_kind_{key}"] = kind
    st.session_state[f"scan_atoms_{kind}_{key}"] = place
    return place


def _take_picked(molecule: Molecule, picked: tuple[int, ...], key: str) -> None:
    """Turn to the coordinate of atoms that were picked anew; a bond whose torsion can be turned is taken as that."""
    if st.session_state.get(_PICKED, ()) == (key, picked):
        return
    st.session_state[_PICKED] = (key, picked)
    kind = _KIND_OF.get(len(picked))
    if kind is None:
        return
    if kind == "bond":
        for torsion in scans.coordinates(molecule, "torsion"):
            if set(torsion[1:3]) == set(picked):
                _choose_atoms(molecule, "bond", picked, key)
                _choose_atoms(molecule, "torsion", torsion, key)
                return
    try:
        scans.value_of(molecule, picked)
    except MoleculeError as error:
        st.info(sentence(error), title="The picked atoms cannot be scanned")
        return
    _choose_atoms(molecule, kind, picked, key)


def _link_text(atoms: tuple[int, ...], kind: ScanKind, first: float, last: float, points: int) -> str:
    """A scan as it stands in the address: kind, atoms from 1, first and last value, number of points."""
    return f"{kind}_{'-'.join(str(atom + 1) for atom in atoms)}_{first:.10g}_{last:.10g}_{points}"


def _take_link(text: str, molecule: Molecule, key: str) -> None:
    """Set the widgets to the scan of a link; what is no scan of this molecule is said and left out."""
    name, _, rest = text.partition("_")
    try:
        numbers, first, last, points = rest.split("_")
        kind = _KINDS[name]
        atoms = tuple(int(atom) - 1 for atom in numbers.split("-"))
        if kind == "separation":
            scans.coordinates(molecule, kind).index(atoms)
        elif kind != _KIND_OF.get(len(atoms)):
            raise ValueError(text)
        else:
            scans.value_of(molecule, atoms)
        low, high, n_points = float(first), float(last), int(points)
    except (ValueError, KeyError, MoleculeError):
        say_unusable(_LINK_PART, ": this molecule has no such scan")
        return
    if not (math.isfinite(low) and math.isfinite(high) and 2 <= n_points <= _MOST_POINTS):
        say_unusable(_LINK_PART, ": its range of values")
        return
    number = _choose_atoms(molecule, kind, atoms, key)
    st.session_state[f"scan_from_{kind}_{number}_{key}"] = low
    st.session_state[f"scan_to_{kind}_{number}_{key}"] = high
    st.session_state["scan_points"] = n_points


def _range(molecule: Molecule, offered: _Offered, number: int, key: str) -> tuple[float, float, int]:
    """First and last value and the number of points, chosen in a menu that says them."""
    kind, atoms = offered.kind, offered.atoms[number]
    apart = kind == "separation"
    start = scans.separation_of(molecule, fragment=number) if apart else scans.value_of(molecule, atoms)
    low, high = scans.usual_range(kind, start)
    unit = "Å" if kind in ("bond", "separation") else "°"
    key = f"{kind}_{number}_{key}"
    said = [st.session_state.get(name, value) for name, value in _defaults(key, low, high).items()]
    with st.popover(f"{said[0]:g} to {said[1]:g} {unit}, {said[2]} points", icon=":material/tune:"):
        first = st.number_input(f"From ({unit})", value=float(low), key=f"scan_from_{key}", width=150, **KEPT)
        last = st.number_input(f"To ({unit})", value=float(high), key=f"scan_to_{key}", width=150, **KEPT)
        points = st.number_input("Points", 2, _MOST_POINTS, _POINTS, key="scan_points", width=150, **KEPT)
    keep_in_link(_LINK_PART, _link_text(atoms, kind, first, last, int(points)))
    return first, last, int(points)


def _defaults(key: str, low: float, high: float) -> dict[str, float]:
    """The values before they were changed, by the keys of their widgets."""
    return {f"scan_from_{key}": low, f"scan_to_{key}": high, "scan_points": _POINTS}


def _scan(molecule: Molecule, offered: _Offered, number: int, values: np.ndarray) -> Scan:
    if offered.kind == "separation":
        return scans.scan_separation(molecule, values, fragment=number)
    return scans.scan(molecule, offered.atoms[number], values)
