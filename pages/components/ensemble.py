"""The conformers that the page Energies compares: the user's own, or generated ones."""

from dataclasses import dataclass

import numpy as np
import streamlit as st

from pages.components import background, tasks
from pages.components.state import Loaded
from pages.components.text import plain
from virialff import content
from virialff.conformers import ConformerSearch
from virialff.molecule import Molecule

MOST_CONFORMERS = 200
_SOURCE = "ensemble_source"
_OWN, _GENERATED = "As given", "Generated"


@dataclass(frozen=True)
class Ensemble:
    """Positions (n_conformers, n_atoms, 3) in A of the current molecule and a sentence about where they are from."""

    positions: np.ndarray
    source: str


def choose_ensemble(loaded: Loaded) -> Ensemble | None:
    """The widgets to take the conformers as given or to generate some; None while there are none."""
    molecule = loaded.molecule
    own = None
    if molecule.n_conformers:
        count = f"{molecule.n_conformers} conformer{'s' if molecule.n_conformers > 1 else ''}"
        own = Ensemble(molecule.positions, f"{count} as given ({loaded.origin}); coordinates and order are unchanged")
    choice = _GENERATED
    if own is not None:
        choice = (
            st.segmented_control("Conformers", [_OWN, _GENERATED], default=_OWN, required=True, key=_SOURCE) or _OWN
        )
    if choice == _OWN:
        ensemble = own
    else:
        ensemble = _generator(molecule)
    if ensemble is not None:
        st.caption(plain(ensemble.source[:1].upper() + ensemble.source[1:]) + ".")
    return ensemble


def _generator(molecule: Molecule) -> Ensemble | None:
    if molecule.n_fragments > 1:
        st.info(
            "Conformers cannot be made up for a complex, because nothing says how its molecules lie to each other: "
            "upload a file with its coordinates.",
            title="A complex needs coordinates",
        )
        return None
    key = f"conformers_{content.structure_key(molecule)}"
    with st.container(horizontal=True, vertical_alignment="bottom"):
        count = st.number_input(
            "Number of conformers", 1, MOST_CONFORMERS, 20, key="ensemble_count", persist_state="session", width=180
        )
        seed = st.number_input("Random seed", 0, 2**31 - 1, 1, key="ensemble_seed", persist_state="session", width=180)
        relax = st.toggle("Relax with MMFF94s", value=True, key="ensemble_relax", persist_state="session")
        st.button(
            "Generate",
            icon=":material/scatter_plot:",
            on_click=background.start,
            args=(key, tasks.generate, content.bare(molecule), int(count), int(seed), relax),
            kwargs={"title": "Generating conformers"},
        )
    found = background.show(key)
    return None if found is None else _described(*found)


def _described(found: ConformerSearch, seed: int) -> Ensemble:
    n = found.molecule.n_conformers
    relaxed = f"relaxed with {found.force_field}" if found.force_field else "as embedded, not relaxed"
    source = f"{n} distinct conformer{'s' if n > 1 else ''} from {found.n_embedded} ETKDG geometries"
    return Ensemble(found.molecule.positions, f"{source} (seed {seed}), {relaxed}")
