"""What the model knows of its own reliability: atoms that were rare in training, and the spread over its members."""

import json

import streamlit as st

from pages.components.shell.text import plain
from virialff.models.force_field import Model
from virialff.models.members import ChargeSpread, charge_spread
from virialff.molecules import keys
from virialff.molecules.molecule import Molecule


def warn_rare_atoms(model: Model, molecule: Molecule) -> None:
    """A warning that names the atoms of which training had few, and nothing where there is none or it is not known."""
    rare = model.rare_atoms(molecule)
    if rare is not None and rare.any:
        st.warning(plain(rare.sentence, limit=1000), icon=":material/warning:")


def show_notes(molecule: Molecule) -> None:
    """What was completed, chosen or left out when the molecule was read or its geometry made."""
    if molecule.notes:
        st.info(plain("\n".join(f"Note: {note}." for note in molecule.notes), limit=1000), icon=":material/info:")


def spread_of_charges(model: Model, molecule: Molecule) -> ChargeSpread | None:
    """The spread of the charges over the model's members, cached by model and graph; None for a model without."""
    if not model.card.get("members"):
        return None
    members = json.dumps(model.card["members"], sort_keys=True)
    return _spread(model.sha256, members, keys.graph_key(molecule), model, keys.bare(molecule))


@st.cache_data(show_spinner=False, max_entries=64)
def _spread(sha256: str, members: str, key: str, _model: Model, _molecule: Molecule) -> ChargeSpread | None:
    return charge_spread(_model, _molecule)
