"""Several conformers of one molecule, superimposed in one 3D view."""

import numpy as np
import pandas as pd
import streamlit as st

from pages.components.widgets import viewer
from virialff.conformers.ensembles import superimpose
from virialff.figures.style import OKABE_ITO
from virialff.methods.comparison import Comparison
from virialff.methods.tables import relative_energies_above
from virialff.molecules import keys
from virialff.molecules.molecule import Molecule

#: In the order of OKABE_ITO.
COLOUR_NAMES = ("blue", "orange", "green", "pink", "sky blue", "vermilion", "yellow")
_CARBON = 6


def overlay_html(molecule: Molecule, positions: np.ndarray, *, hydrogens: bool, script: str, theme: str) -> str:
    """The frame's page: positions (n_conformers, n_atoms, 3) in A, a colour each; at most len(OKABE_ITO).

    Without `hydrogens` those of carbon atoms are hidden. Nothing but numbers and element symbols goes in.
    """
    turned = viewer.facing(positions.reshape(-1, 3)).reshape(positions.shape)
    hidden = [] if hydrogens else _hydrogens_of_carbon(molecule)
    view = viewer.new_view(script, theme)
    for model, geometry in enumerate(turned):
        view.addModel(viewer.mol_block(molecule, geometry), "mol", {"keepH": True})
        view.setStyle({"model": model}, {"stick": {"radius": 0.1, "color": OKABE_ITO[model]}})
        if hidden:
            view.setStyle({"model": model, "index": hidden}, {})
    return viewer.frame_page(view, turned.reshape(-1, 3), theme)


def _hydrogens_of_carbon(molecule: Molecule) -> list[int]:
    hydrogens = []
    for pair in molecule.bonds:
        for atom, other in (pair, pair[::-1]):
            if molecule.numbers[atom] == 1 and molecule.numbers[other] == _CARBON:
                hydrogens.append(int(atom))
    return hydrogens


def show_overlay(result: Comparison, reference: str) -> None:
    """Choose conformers; the view, and a table with colours, RMSD and energies."""
    ensemble = result.molecule
    relative = relative_energies_above(result)
    order = [int(k) for k in np.argsort(relative[reference], kind="stable")]
    chosen = st.multiselect(
        "Conformers to superimpose, the first one stays where it is",
        range(1, ensemble.n_conformers + 1),
        default=[index + 1 for index in order[:3]],
        max_selections=len(OKABE_ITO),
        key=f"overlay_{keys.geometry_key(ensemble)[:12]}_{reference}",
        persist_state="session",
    )
    if not chosen:
        st.info("Choose at least one conformer.")
        return
    hydrogens = st.toggle("Show all hydrogens", key="overlay_hydrogens", persist_state="session")
    indices = np.array(chosen) - 1
    laid = superimpose(ensemble.with_positions(ensemble.positions[indices]))
    theme = "dark" if st.context.theme.type == "dark" else "light"
    page = overlay_html(result.molecule, laid.positions, hydrogens=hydrogens, script=viewer.script_url(), theme=theme)
    st.iframe(page, height=400, alt="Three-dimensional view of the superimposed conformers")
    table = pd.DataFrame(
        {
            "conformer": chosen,
            "colour": COLOUR_NAMES[: len(chosen)],
            "RMSD to the first (Å)": [f"{value:.2f}" for value in laid.rmsd],
        }
    )
    values = relative[reference][indices]
    table[f"{reference} (kcal/mol)"] = [f"{value:.2f}" if np.isfinite(value) else "–" for value in values]
    st.dataframe(table, hide_index=True)
    st.caption("RMSD over all atoms but the hydrogens of carbon atoms, after the best superposition.")
