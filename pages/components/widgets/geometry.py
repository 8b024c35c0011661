"""The geometry that a page shows: the user's own, or one made for display."""

from dataclasses import dataclass

import numpy as np
import streamlit as st

from pages.components.shell.state import KEPT, Loaded
from pages.components.shell.text import sentence
from virialff.conformers.display import DisplayGeometry, display_geometry
from virialff.errors import VirialffError
from virialff.molecules import keys
from virialff.molecules.molecule import Molecule


@dataclass(frozen=True)
class Geometry:
    """Positions (n_atoms, 3) in A and a sentence about their source; no positions when none could be made."""

    positions: np.ndarray | None
    note: str
    source: str


def shown_geometry(loaded: Loaded) -> Geometry:
    """The chosen conformer of the current molecule, or a geometry made for display; never both mixed."""
    molecule = loaded.molecule
    if molecule.n_conformers == 0:
        return _display_geometry(molecule)
    number = 1
    if molecule.n_conformers > 1:
        number = st.number_input(
            f"Conformer (1 to {molecule.n_conformers})",
            min_value=1,
            max_value=molecule.n_conformers,
            key=f"conformer_{keys.geometry_key(molecule)[:12]}",
            width=200,
            **KEPT,
        )
    source = f"conformer {number} of {molecule.n_conformers}, coordinates as given"
    return Geometry(molecule.positions[number - 1], f"Geometry: {source}.", source)


def _display_geometry(molecule: Molecule) -> Geometry:
    try:
        made = embedded(keys.structure_key(molecule), keys.bare(molecule))
    except VirialffError as error:
        return Geometry(None, sentence(error), "")
    note = f"Geometry: {made.source}. Charges and pair parameters do not depend on it."
    return Geometry(made.positions, note, made.source)


@st.cache_data(show_spinner="Making a geometry for display…", max_entries=64)
def embedded(key: str, _molecule: Molecule) -> DisplayGeometry:
    """A geometry for a molecule without name and coordinates, cached by its structure key. Raises EmbeddingError."""
    return display_geometry(_molecule)
