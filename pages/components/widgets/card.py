"""What a page says of the active model: its card, atoms that were rare in training, the spread of its members."""

import json
from collections.abc import Mapping, Sequence
from typing import Any

import streamlit as st

from pages.components.shell.text import plain
from pages.components.widgets.methods import the_model
from virialff.methods.comparison import Comparison
from virialff.methods.runs import MethodEnergies
from virialff.models import members as members_of
from virialff.models.force_field import ForceField, Model
from virialff.models.intervals import INTERVALS, Quantity, Uncertainty, parameter_hashes
from virialff.models.members import ChargeSpread, PairSpread
from virialff.models.trust import trust
from virialff.molecules import keys
from virialff.molecules.molecule import Molecule


def sentences(card: Mapping[str, Any]) -> None:
    """The three sentences about a model."""
    found = trust(card)
    with st.container(gap="xsmall"):
        for icon, sentence in (("school", found.trained_for), ("balance", found.beside), ("block", found.not_for)):
            st.markdown(f":material/{icon}: {plain(sentence, limit=1000)}")


def model_card(model: Model) -> None:
    """An expander with the three sentences, and the way to all that is known of it."""
    with st.expander("About the model: how far to trust it", icon=":material/info:"):
        sentences(model.card)
        st.page_link("pages/models.py", label="Errors, limits and other models", icon=":material/deployed_code:")


def warn_rare_atoms(model: Model, molecule: Molecule) -> None:
    """A warning that names the atoms of which training had few, and nothing where there is none or it is not known."""
    rare = model.rare_atoms(molecule)
    if rare is not None and rare.any:
        st.warning(plain(rare.sentence, limit=1000), icon=":material/warning:")


def uncertainties(
    model: Model, ensemble: Molecule, runs: Sequence[MethodEnergies], quantity: Quantity
) -> dict[str, Uncertainty]:
    """How far the energies of the model may be off, by its name among these runs; nothing where it is not known."""
    name = the_model(model).label
    if INTERVALS not in model.card or not any(run.name == name and not run.n_left for run in runs):
        return {}
    bare = keys.bare(ensemble).with_positions(ensemble.positions)
    weights = "".join(parameter_hashes(model.card))
    found = _uncertainty(weights, keys.geometry_key(ensemble), quantity, model, bare)
    return {} if found is None else {name: found}


@st.cache_data(show_spinner="Looking how far the energies may be off…", max_entries=64)
def _uncertainty(
    weights: str, geometry: str, quantity: Quantity, _model: Model, _ensemble: Molecule
) -> Uncertainty | None:
    return _model.uncertainty(_ensemble, quantity)


def explain_intervals(result: Comparison) -> None:
    """What the intervals of a comparison hold, where it has any."""
    for name, known in result.uncertainties.items():
        st.caption(
            f"± 95 %: 95 of 100 energies of {plain(name)} are expected within it of {plain(known.scale.against)}, as "
            "measured on molecules that it was not trained on. Bars and bands are the same."
        )


def show_notes(molecule: Molecule) -> None:
    """What was completed, chosen or left out when the molecule was read or its geometry made."""
    if molecule.notes:
        st.info(plain("\n".join(f"Note: {note}." for note in molecule.notes), limit=1000), icon=":material/info:")


def charge_spread(model: Model, force_field: ForceField) -> ChargeSpread | None:
    """The spread of the charges over the model's members, cached by model and graph; None without members."""
    return _charge_spread(*_of_members(model, force_field))


def pair_spread(model: Model, force_field: ForceField) -> PairSpread | None:
    """The spread of the pair parameters over the model's members, cached by model and graph; None without members."""
    return _pair_spread(*_of_members(model, force_field))


def _of_members(model: Model, force_field: ForceField) -> tuple[str, str, str, Model, ForceField]:
    members = json.dumps(model.card.get("members"), sort_keys=True)
    return model.sha256, members, keys.graph_key(force_field.molecule), model, force_field


@st.cache_data(show_spinner=False, max_entries=64)
def _charge_spread(sha256: str, members: str, key: str, _model: Model, _force_field: ForceField) -> ChargeSpread | None:
    return members_of.charge_spread(_model, _force_field.molecule, _force_field)


@st.cache_data(show_spinner=False, max_entries=64)
def _pair_spread(sha256: str, members: str, key: str, _model: Model, _force_field: ForceField) -> PairSpread | None:
    return members_of.pair_spread(_model, _force_field.molecule, _force_field)
