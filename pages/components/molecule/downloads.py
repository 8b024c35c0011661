"""Downloads of the current molecule's parameters; each file is made when its button is pressed."""

import numpy as np
import streamlit as st

from pages.components.shell.state import Loaded
from pages.components.shell.text import file_stem
from pages.components.widgets.geometry import Geometry
from virialff.models.force_field import ForceField, Model
from virialff.parameters.tables import charges_table, force_field_json, pairs_table, sdf_with_charges, to_csv


def download_row(loaded: Loaded, force_field: ForceField, model: Model, geometry: Geometry) -> None:
    """Buttons for charges and pairs (CSV), SDF with charges, and JSON."""
    stem = file_stem(loaded.title, loaded.molecule.formula)
    molecule, positions = loaded.molecule, geometry.positions

    def sdf() -> str:
        whole = molecule if loaded.has_own_geometry else molecule.with_positions(np.asarray(positions))
        note = "as given" if loaded.has_own_geometry else geometry.source
        return sdf_with_charges(whole, force_field.charges, model=model, geometry=note)

    with st.container(horizontal=True):
        st.download_button(
            "Charges (CSV)",
            lambda: to_csv(charges_table(molecule, force_field.charges)),
            f"{stem}_charges.csv",
            "text/csv",
            on_click="ignore",
            icon=":material/download:",
        )
        st.download_button(
            "Atom pairs (CSV)",
            lambda: to_csv(pairs_table(force_field, positions)),
            f"{stem}_pairs.csv",
            "text/csv",
            on_click="ignore",
            icon=":material/download:",
        )
        st.download_button(
            "Structure with charges (SDF)",
            sdf,
            f"{stem}_charges.sdf",
            "chemical/x-mdl-sdfile",
            on_click="ignore",
            icon=":material/download:",
            disabled=positions is None,
            help=geometry.note if not loaded.has_own_geometry else "Every conformer as given, with its charges.",
        )
        st.download_button(
            "Everything (JSON)",
            lambda: force_field_json(force_field, model=model),
            f"{stem}_virialff.json",
            "application/json",
            on_click="ignore",
            icon=":material/download:",
        )
