"""The complex that the page Dimer shows: from the gallery, given by the user, or two molecules put together."""

import re

import streamlit as st

from pages.components.shell import background, state
from pages.components.shell.link_values import say_unusable
from pages.components.shell.model import force_field
from pages.components.shell.text import sentence
from pages.components.widgets import inputs
from pages.components.widgets.gallery import gallery, gallery_molecule
from pages.components.widgets.geometry import embedded
from virialff.errors import VirialffError
from virialff.interactions.approach import Contact, bring_together, suggest_contact
from virialff.models.force_field import Model
from virialff.molecules import keys
from virialff.molecules.molecule import Molecule

_GALLERY, _OWN = "From the gallery", "My own"
_LINK_PART = "contact"
# Part of the address where the gallery is shown beside a molecule of the address.
_GALLERY_PART = "gallery"
_GALLERY_ASKED = "dimer_gallery_asked"
# Distances (A) and turn (degrees) that can be chosen.
_NEAREST, _FURTHEST, _LARGEST_TURN = 1.2, 10.0, 350


def choose_complex(model: Model) -> state.Loaded | None:
    """The widgets for a complex; None while there is none with coordinates."""
    labels = list(gallery())
    options = [_GALLERY, _OWN] if labels else [_OWN]
    current = state.loaded()
    own = current is not None and _is_meant(current)
    row = st.container(horizontal=True, vertical_alignment="bottom")
    with row:
        source = st.segmented_control(
            "Complex",
            options,
            default=_OWN if own else options[0],
            required=True,
            key="complex",
            bind="query-params",
            persist_state="session",
        )
    if source == _GALLERY:
        state.keep_in_link(_GALLERY_PART, "" if own else "shown")
        with row:
            return _from_gallery(labels)
    inputs.molecule_input()
    current = state.loaded()
    if current is None:
        st.info(
            "Nothing to show yet: draw two molecules side by side, type their SMILES with a dot between them, or "
            "upload a complex.",
            icon=":material/arrow_upward:",
        )
        return None
    return _own(model, current)


def _is_meant(current: state.Loaded) -> bool:
    """Whether the current molecule, and not the gallery, is to be there at first: a complex, or what a link names."""
    gallery_asked = st.session_state.setdefault(_GALLERY_ASKED, state.opened_with(_GALLERY_PART) is not None)
    if gallery_asked or "dimer" in st.query_params:
        return False
    return current.molecule.n_fragments > 1 or state.opened_by_link("Dimer")


def _from_gallery(labels: list[str]) -> state.Loaded | None:
    label = st.selectbox("Complex of the gallery", labels, key="dimer", width=420, **state.LINKED)
    try:
        molecule = gallery_molecule(label)
    except VirialffError as error:
        st.error(sentence(error), title="This complex cannot be shown")
        return None
    return state.Loaded(molecule, f"{label}, at the geometry of its set", gallery()[label][0].name)


def _own(model: Model, current: state.Loaded) -> state.Loaded | None:
    molecule = current.molecule
    if molecule.n_fragments > 1 and current.has_own_geometry:
        number = 1
        if molecule.n_conformers > 1:
            key = f"complex_conformer_{keys.geometry_key(molecule)[:12]}"
            number = int(
                st.number_input("Conformer", 1, molecule.n_conformers, 1, key=key, persist_state="session", width=200)
            )
        one = molecule.with_positions(molecule.positions[number - 1])
        return state.Loaded(one, f"{current.origin}, coordinates as given", current.title)
    if molecule.n_fragments > 2:
        st.info("Two molecules can be put together; a complex of three or more needs a file with its coordinates.")
        return None
    if molecule.n_fragments == 2:
        return _put_together(model, molecule.fragment(0), molecule.fragment(1), current)
    text = st.text_input(
        "SMILES of the second molecule",
        key="second_molecule",
        placeholder="for example O",
        bind="query-params",
        persist_state="session",
        width=400,
    )
    if not (text or "").strip():
        st.info("This is one molecule: give a second one to put beside it.")
        return None
    try:
        second = background.read_text(Molecule.from_smiles, (text or "").strip())
    except VirialffError as error:
        st.error(sentence(error), title="This SMILES cannot be used")
        return None
    if second.n_fragments > 1:
        st.error("Give one molecule here, without a dot.", title="This SMILES cannot be used")
        return None
    return _put_together(model, molecule, second, current)


def _put_together(model: Model, first: Molecule, second: Molecule, current: state.Loaded) -> state.Loaded | None:
    """Both molecules at a contact that the user can change."""
    try:
        placed = [_with_geometry(first), _with_geometry(second)]
        charges = [force_field(model, molecule).charges for molecule in placed]
    except VirialffError as error:
        st.error(sentence(error), title="These molecules cannot be put together")
        return None
    suggested = suggest_contact(placed[0], placed[1], charges[0], charges[1])
    key = f"{keys.graph_key(first)[:8]}_{keys.graph_key(second)[:8]}"
    if (text := state.opened_with(_LINK_PART)) is not None:
        _take_link(text, placed, key)
    st.markdown(
        "**Put together**: an atom of each faces the other. Where nothing is changed here and the complex is small, it "
        "is relaxed from there."
    )
    with st.container(horizontal=True, vertical_alignment="bottom"):
        i = _atom("Atom of the first", placed[0], suggested.first, f"contact_first_{key}")
        j = _atom("Atom of the second", placed[1], suggested.second, f"contact_second_{key}")
        distance = st.number_input(
            "Distance (Å)",
            _NEAREST,
            _FURTHEST,
            suggested.distance,
            0.05,
            key=f"contact_distance_{key}",
            persist_state="session",
            width=150,
        )
        turn = st.number_input(
            "Turn by (degrees)",
            0,
            _LARGEST_TURN,
            None,
            10,
            key=f"contact_turn_{key}",
            persist_state="session",
            placeholder="least crowded",
            help="About the line of the contact. Left empty, the molecules stay as far apart as they can.",
            width=170,
        )
    turned = "" if turn is None else f"_{turn}"
    state.keep_in_link(_LINK_PART, f"{i + 1}-{j + 1}_{distance:.10g}{turned}")
    try:
        contact = Contact(i, j, float(distance))
        complex_ = bring_together(placed[0], placed[1], contact, turn=None if turn is None else float(turn))
    except VirialffError as error:
        st.error(sentence(error), title="So they cannot be placed")
        return None
    origin = f"two molecules put together, {placed[0].symbols[i]}{i + 1} and {placed[1].symbols[j]}{j + 1} facing each "
    origin += f"other at {distance:.2f} Å; a starting geometry, not a minimum"
    is_guess = contact == suggested and turn is None
    return state.Loaded(complex_, origin, current.title, is_guess=is_guess)


def _take_link(text: str, placed: list[Molecule], key: str) -> None:
    """Set the widgets to the contact of a link, "atom-atom_distance_turn"; another text is said and left out."""
    match = re.fullmatch(r"(\d{1,4})-(\d{1,4})_(\d{1,2}(?:\.\d{1,9})?)(?:_(\d{1,3}))?", text)
    atoms = [int(match[1]) - 1, int(match[2]) - 1] if match else []
    if match is None or not (
        all(0 <= atom < molecule.n_atoms for atom, molecule in zip(atoms, placed, strict=True))
        and _NEAREST <= float(match[3]) <= _FURTHEST
        and int(match[4] or 0) <= _LARGEST_TURN
    ):
        say_unusable("contact", ": these molecules have no such contact")
        return
    st.session_state[f"contact_first_{key}"], st.session_state[f"contact_second_{key}"] = atoms
    st.session_state[f"contact_distance_{key}"] = float(match[3])
    st.session_state[f"contact_turn_{key}"] = None if match[4] is None else int(match[4])


def _atom(label: str, molecule: Molecule, default: int, key: str) -> int:
    names = [f"{symbol}{number}" for number, symbol in enumerate(molecule.symbols, start=1)]
    return st.selectbox(
        label, range(len(names)), default, names.__getitem__, key=key, persist_state="session", width=170
    )


def _with_geometry(molecule: Molecule) -> Molecule:
    """The molecule with its own first conformer, or one made for it."""
    if molecule.n_conformers:
        return molecule.with_positions(molecule.positions[0])
    made = embedded(keys.structure_key(molecule), keys.bare(molecule))
    return molecule.with_positions(made.positions)
