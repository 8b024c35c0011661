"""The structure as a control: a molecule in 3D and 2D whose atoms are picked by clicking them.

Numbers, colours and element symbols go to the browser as data, never into a script; the formula goes there as an image.
"""

import base64
from collections.abc import Callable, Collection, Sequence
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import streamlit as st
from rdkit import Chem

from pages.components.widgets import picked as picks
from pages.components.widgets.viewer import (
    BACKGROUNDS,
    INKS,
    facing,
    facing_axes,
    half_frame,
    hydrogens_of_carbon,
    page_theme,
    script_and_integrity,
)
from virialff.figures.charge_scale import COMMON_SCALE, ChargeScale
from virialff.figures.depiction import AtomLabels, Drawing, structure_drawing
from virialff.molecules import keys
from virialff.molecules.molecule import Molecule
from virialff.text import fixed

_FOLDER = Path(__file__).parent
#: Of an atom in the drawing that can be clicked, as a share of a bond and in pixels.
_TARGET, _LEAST_TARGET = 0.36, 9.0


class Line(NamedTuple):
    """A dashed line between two atoms, from 0, which a click on it picks; `text` is said where the mouse rests."""

    first: int
    second: int
    color: str
    text: str = ""


_structure = st.components.v2.component(
    "structure",
    html=(_FOLDER / "structure.html").read_text(encoding="utf-8"),
    css=(_FOLDER / "structure.css").read_text(encoding="utf-8"),
    js=(_FOLDER / "structure.js").read_text(encoding="utf-8"),
)


def structure(
    molecule: Molecule,
    positions: np.ndarray | None,
    charges: np.ndarray,
    *,
    scale: ChargeScale | None = None,
    labels: AtomLabels = "numbers",
    element_colors: bool = False,
    hydrogens: bool = True,
    flat: bool = True,
    height: int = 300,
    lines: Sequence[Line] = (),
    arrow: np.ndarray | None = None,
    marked: Collection[int] = (),
    lit: Collection[int] = (),
    alt: str = "Three-dimensional view, atoms coloured by partial charge",
    key: str = "structure_view",
) -> Callable[[], str] | None:
    """Show the molecule at positions (n_atoms, 3), A, in 3D, and where `flat` its formula below.

    Returns what makes the formula as SVG on a white ground.

    Atoms are coloured by charges (n_atoms,), e, on `scale` or by element. Clicks pick atoms (`picked.picked`), and the
    two of a line.
    `marked` atoms get an orange shell, `lit` ones a green one. Without `hydrogens` those of carbon atoms are hidden.
    `lines` and the `arrow` (3,), A, drawn with its middle in the middle of the molecule, are in 3D alone.
    """
    scale = scale or COMMON_SCALE
    theme = page_theme()
    script, integrity = script_and_integrity()
    names = [picks.atom_name(molecule, atom) for atom in range(molecule.n_atoms)]
    data: dict[str, Any] = {
        "atoms": None,
        "names": names,
        "labels": _labels(molecule, names, charges, labels),
        "hover": [f"{name}  {fixed(charge, 3, sign=True)} e" for name, charge in zip(names, charges, strict=True)],
        "hidden": [] if hydrogens else hydrogens_of_carbon(molecule),
        "marked": sorted(int(atom) for atom in marked),
        "lit": sorted(int(atom) for atom in lit),
        "picked": list(picks.picked(molecule)),
        "most": picks.MOST_PICKED,
        "lines": [],
        "arrow": None,
        "background": BACKGROUNDS[theme],
        "ink": INKS[theme],
        "dark": theme == "dark",
        "script": script,
        "integrity": integrity,
        "height": height,
        "alt": alt,
        "flat": None,
    }
    if positions is not None:
        colors = None if element_colors else [scale.hex(charge) for charge in charges]
        data |= _spatial(molecule, positions, colors, lines, arrow)
    formula = None
    if flat:
        draw = partial(
            _drawing,
            keys.structure_key(molecule),
            keys.bare(molecule),
            None if element_colors else charges,
            scale.limit,
            hydrogens=hydrogens,
            labels=labels,
            marked=data["marked"],
            element_colors=element_colors,
        )
        data["flat"] = _flat(molecule, draw(dark=theme == "dark"))
        formula = partial(_svg, draw)
    structure_key = keys.structure_key(molecule)
    mounted = f"{key}_{keys.graph_key(molecule)[:12]}"
    _structure(data=data, key=mounted, on_picked_change=partial(_take, mounted, structure_key))
    return formula


@st.cache_resource(show_spinner=False, max_entries=64)
def _drawing(key: str, _molecule: Molecule, charges: np.ndarray | None, limit: float, **options: Any) -> Drawing:
    """`structure_drawing`, kept by the molecule's structure key: a run of a page would spend most of its time on it."""
    height = _flat_height(_molecule)
    return structure_drawing(_molecule, charges, scale=ChargeScale(limit), height=height, **options)


def _svg(draw: Callable[[], Drawing]) -> str:
    return draw().svg


def _take(mounted: str, structure_key: str) -> None:
    clicked = st.session_state[mounted].get("picked")
    if isinstance(clicked, list) and all(isinstance(atom, int) for atom in clicked):
        picks.pick_by_key(structure_key, clicked)


def _labels(molecule: Molecule, names: list[str], charges: np.ndarray, kind: AtomLabels) -> list[str]:
    if kind == "numbers":
        return [str(atom + 1) for atom in range(molecule.n_atoms)]
    if kind == "elements":
        return list(molecule.symbols)
    if kind == "charges":
        return [fixed(charge, 2, sign=True) for charge in charges]
    return [""] * len(names)


def _spatial(
    molecule: Molecule,
    positions: np.ndarray,
    colors: list[str] | None,
    lines: Sequence[Line],
    arrow: np.ndarray | None,
) -> dict[str, Any]:
    turned = facing(positions)
    neighbours: list[list[int]] = [[] for _ in range(molecule.n_atoms)]
    orders: list[list[float]] = [[] for _ in range(molecule.n_atoms)]
    drawn_bonds = molecule.to_rdkit()
    Chem.Kekulize(drawn_bonds)  # 3Dmol.js draws whole orders
    for bond in drawn_bonds.GetBonds():
        first, second = bond.GetBeginAtomIdx(), bond.GetEndAtomIdx()
        for atom, other in ((first, second), (second, first)):
            neighbours[atom].append(other)
            orders[atom].append(bond.GetBondTypeAsDouble())
    atoms = [
        {
            "elem": symbol,
            **_point(turned[atom]),
            "bonds": neighbours[atom],
            "bondOrder": orders[atom],
            "color": None if colors is None else colors[atom],
        }
        for atom, symbol in enumerate(molecule.symbols)
    ]
    drawn: dict[str, Any] = {
        "atoms": atoms,
        "lines": [
            {
                "start": _point(turned[line.first]),
                "end": _point(turned[line.second]),
                "color": line.color,
                "atoms": [line.first, line.second],
                "text": line.text,
            }
            for line in lines
        ],
    }
    points = turned
    if arrow is not None:
        half = arrow @ facing_axes(positions).T / 2.0
        drawn["arrow"] = {"start": _point(-half), "end": _point(half)}
        points = np.vstack([turned, half, -half])
    drawn["half"] = [round(value, 3) for value in half_frame(points)]
    return drawn


def _point(vector: np.ndarray) -> dict[str, float]:
    return dict(zip("xyz", (round(float(value), 4) for value in vector), strict=True))


def _flat_height(molecule: Molecule) -> int:
    """Pixels of the formula, which is 520 wide: more for molecules that need them."""
    heavy = int((molecule.numbers > 1).sum())
    return int(np.clip(220 + 6 * heavy, 240, 520))


def _flat(molecule: Molecule, drawing: Drawing) -> dict[str, Any]:
    image = base64.b64encode(drawing.svg.encode()).decode()
    return {
        "image": f"data:image/svg+xml;base64,{image}",
        "alt": f"Structural formula of {molecule.formula}",
        "width": drawing.width,
        "height": drawing.height,
        "radius": round(max(_LEAST_TARGET, _TARGET * drawing.bond_length), 1),
        "places": [[atom, round(x, 1), round(y, 1)] for atom, (x, y) in sorted(drawing.places.items())],
        "bonds": [bond for bond in molecule.bonds.tolist() if all(atom in drawing.places for atom in bond)],
    }
