"""The current molecule of a browser session, shared by the pages, and the link that reopens it."""

from dataclasses import dataclass
from typing import Any

import streamlit as st

from pages.components.shell import background, kept
from virialff.errors import VirialffError
from virialff.io.smiles import smiles_in_order
from virialff.molecules.molecule import Molecule

#: Options of a widget whose value outlives a change of page, and of one whose value is in the page's address too.
KEPT: dict[str, Any] = {"persist_state": "session"}
LINKED: dict[str, Any] = {"bind": "query-params", **KEPT}

LINK_PARAMETER = "smiles"
#: Parts of the address that are written while a page shows them: choices whose widgets depend on the molecule.
LINK_PARTS = ("scan", "methods", "pair", "contact", "geometry", "bar", "gallery")
#: Key of the text field, so that a link fills it too.
SMILES_TEXT = "smiles_text"
#: Part of the address of page Train: the label store on which it is to fine-tune, as page Data asks.
FINE_TUNE_ON = "fine_tune_on"
_LOADED = "loaded_molecule"
_LINK_READ = "link_read"
_OPENED_AT = "link_opened_at"
_LINK_ERROR = "link_error"
_OPENED_WITH = "link_parts"
_WRITTEN = "link_parts_written"

kept.keep(_LOADED, SMILES_TEXT)


@dataclass(frozen=True)
class Loaded:
    """The current molecule, where it came from, and whether its coordinates are the user's own.

    `smiles` is what the link says: as typed, because reading it again gives the same numbers to the atoms. `is_guess`:
    a complex whose molecules lie as was suggested, and not as a user wants them.
    """

    molecule: Molecule
    origin: str
    title: str = ""
    smiles: str = ""
    is_guess: bool = False

    @property
    def has_own_geometry(self) -> bool:
        return self.molecule.n_conformers > 0


def loaded() -> Loaded | None:
    """The current molecule of this session, None before the first."""
    value: Loaded | None = st.session_state.get(_LOADED)
    return value


def load(molecule: Molecule, origin: str, title: str = "", *, typed: str = "") -> None:
    """Make this the current molecule of the session; `typed` is the SMILES that it was read from.

    Raises VirialffError where writing its SMILES comes to the limits of `background.read`.
    """
    st.session_state[_LOADED] = Loaded(
        molecule, origin, title, typed or background.of_molecule(smiles_in_order, molecule)
    )
    st.session_state.pop(_LINK_ERROR, None)


def link_error() -> str | None:
    """The sentence about a link whose SMILES could not be used, None when there is none."""
    value: str | None = st.session_state.get(_LINK_ERROR)
    return value


def read_link(page: str) -> None:
    """Load the molecule of `?smiles=` when a session opens, and when Back or Forward of the browser changes it.

    `page`: the title of the one that is shown. A browser that had the molecule before gets all that it had of it; for
    others it is read from the SMILES.
    """
    st.session_state[_WRITTEN] = set()
    text = st.query_params.get(LINK_PARAMETER, "").strip()
    if _LINK_READ not in st.session_state:
        st.session_state[_OPENED_AT] = (page, text)
        st.session_state[_OPENED_WITH] = {name: st.query_params[name] for name in LINK_PARTS if name in st.query_params}
    before = st.session_state.get(_LINK_READ, "")
    current = loaded()
    # A change of page leaves the address without the molecule until the page has run.
    is_new = text and text != before and (current is None or text != current.smiles)
    if is_new and not kept.restore(text):
        st.session_state[SMILES_TEXT] = text
        try:
            load(background.read_text(Molecule.from_smiles, text), "the SMILES in the link", typed=text)
        except VirialffError as error:
            st.session_state[_LINK_ERROR] = str(error)
            st.session_state[_OPENED_WITH] = {}
    # Last: where a click interrupts the run before, the next one reads the link again.
    st.session_state[_LINK_READ] = text or before


def opened_with(part: str) -> str | None:
    """What the link that opened the session says of a part of the page; only once, None afterwards."""
    text: str | None = st.session_state.get(_OPENED_WITH, {}).pop(part, None)
    return text


def opened_by_link(page: str) -> bool:
    """Whether the session was opened at the page of this title with the current molecule in the address."""
    current = loaded()
    return current is not None and st.session_state[_OPENED_AT] == (page, current.smiles)


def link_has(part: str) -> bool:
    """Whether the link that opened the session says something of this part that no page has taken yet."""
    return part in st.session_state.get(_OPENED_WITH, {})


def keep_in_link(part: str, text: str) -> None:
    """Put a part of the page into the address, until the page is drawn without it; no text takes it out."""
    st.session_state[_WRITTEN].add(part)
    if not text:
        st.query_params.pop(part, None)
    elif st.query_params.get(part) != text:
        st.query_params[part] = text


def stays_open(key: str) -> None:
    """Before an expander with this key and `on_change="rerun"`: it is open as it was when the page was left."""
    stays_at(key, False)


def stays_at(key: str, first: Any) -> None:
    """Before tabs with this key and `on_change="rerun"`: the same is open as when the page was left, at first `first`.

    An expander is open or not; what the address says of a bound one comes first.
    """
    memory = f"{key}_memory"
    if key not in st.session_state and key not in st.query_params:
        st.session_state[key] = st.session_state.get(memory, first)
    if key in st.session_state:
        st.session_state[memory] = st.session_state[key]


def remember() -> None:
    """Keep what the session has of the current molecule beyond a reload."""
    current = loaded()
    if current is not None:
        kept.save(current.smiles)


def write_link() -> None:
    """Put the SMILES of the current molecule into the address of the page, and take parts out that are not shown."""
    current = loaded()
    if current is not None and st.query_params.get(LINK_PARAMETER) != current.smiles:
        st.query_params[LINK_PARAMETER] = current.smiles
    if current is not None:
        st.session_state[_LINK_READ] = current.smiles
    remember()
    for part in LINK_PARTS:
        if part not in st.session_state[_WRITTEN]:
            st.query_params.pop(part, None)
