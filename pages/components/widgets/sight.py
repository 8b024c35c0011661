"""What the results of a page ask the structure to show: another geometry, atoms that stand out, lines between them."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import plotly.graph_objects as go
import streamlit as st

from pages.components.shell.text import plain
from pages.components.widgets.geometry import Geometry
from pages.components.widgets.show import show_figure
from pages.components.widgets.structure import Line
from virialff.interactions.contacts import CLOSE, HALOGEN_BOND, HYDROGEN_BOND, WEAK, find_contacts
from virialff.interactions.dissociation import closest_contact
from virialff.molecules.molecule import Molecule
from virialff.text import counted

#: Colours of contacts by kind, and their names.
_CONTACTS = {
    HYDROGEN_BOND: ("#0072B2", "blue"),
    HALOGEN_BOND: ("#D55E00", "vermilion"),
    WEAK: ("#56B4E9", "sky blue"),
    CLOSE: ("#8a8a8a", "grey"),
}
#: As the shells of lit atoms.
LIT = "#009E73"
#: Lines drawn at most; more hide the molecule.
_MOST_LINES = 60


@dataclass
class Sight:
    """Filled by the results of a page, drawn once they are there.

    geometry: shown instead of the one that is chosen above the structure; None for that one. chosen_in: key of the
    session's state without which that one is shown again.
    atoms: lit ones, from 0. lines: None for the contacts of a complex. said: sentences on all of it.
    """

    geometry: Geometry | None = None
    chosen_in: str = ""
    atoms: set[int] = field(default_factory=set)
    lines: list[Line] | None = None
    said: list[str] = field(default_factory=list)

    def show(self, positions: np.ndarray, what: str, chosen_in: str = "") -> None:
        """Show positions (n_atoms, 3), A; `what` ends the sentence "Shown: ..."."""
        self.chosen_in = chosen_in
        self.geometry = Geometry(np.asarray(positions, dtype=np.float64), f"Shown: {plain(what, limit=400)}.", what)

    def light(self, atoms: Iterable[int], said: str = "") -> None:
        """Let these atoms (from 0) stand out too."""
        self.atoms |= {int(atom) for atom in atoms}
        if said:
            self.said.append(said)

    def light_pairs(self, pairs: np.ndarray, said: str) -> None:
        """Let pairs of atoms, (n_pairs, 2) from 0, stand out, joined by lines where they are not too many."""
        self.light(np.unique(pairs).tolist(), said)
        if len(pairs) <= _MOST_LINES:
            self.lines = [*(self.lines or []), *(Line(int(i), int(j), LIT) for i, j in pairs)]


def contact_lines(molecule: Molecule, positions: np.ndarray | None) -> list[Line]:
    """A line for each contact of the molecules of a complex at positions (n_atoms, 3), A."""
    if molecule.n_fragments == 1 or positions is None:
        return []
    table = find_contacts(molecule, positions).head(_MOST_LINES)
    pairs = table[["i", "j"]].to_numpy().tolist()
    return [
        Line(i, j, _CONTACTS[kind][0], f"{kind}, {distance:.2f} Å")
        for (i, j), kind, distance in zip(pairs, table["kind"].tolist(), table["distance"].tolist(), strict=True)
    ]


def contacts_said(molecule: Molecule, positions: np.ndarray | None) -> str:
    """What the lines between the molecules of a complex are, in words; how near they come where there is none."""
    if molecule.n_fragments == 1 or positions is None:
        return ""
    kinds = find_contacts(molecule, positions)["kind"]
    if kinds.empty:
        if molecule.n_fragments > 2:
            return "No atoms of different molecules touch."
        nearest = float(closest_contact(molecule, np.asarray(positions)[None])[0])
        return f"No atoms of the two molecules touch; the nearest are {nearest:.2f} Å apart."
    parts = [
        f"{color}: {counted(int((kinds == kind).sum()), kind)}"
        for kind, (_, color) in _CONTACTS.items()
        if (kinds == kind).any()
    ]
    text = ", ".join(parts)
    return f"Lines, {text}. A click on one picks its atoms."


def clicked(figure: go.Figure, key: str, alt: str) -> list[dict[str, Any]]:
    """Show a figure; its points that are chosen."""
    event = show_figure(figure, key=key, alt=alt, on_select="rerun", selection_mode="points")
    return list(event.selection.points) if event is not None else []


def number_of(points: Sequence[dict[str, Any]]) -> int | None:
    """The whole number that is the customdata of the first of these points that has one."""
    for point in points:
        if (value := point.get("customdata")) is not None:
            return int(value[0] if isinstance(value, list) else value)
    return None


def points_of(key: str) -> Sequence[dict[str, Any]]:
    """The same of the figure with this key, in its callback."""
    found: Sequence[dict[str, Any]] = st.session_state[key].selection.points
    return found
