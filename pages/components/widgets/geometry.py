"""The geometry that all views of a page obey: one given, one made for display, or one that was computed here."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from pages.components.shell import background, kept
from pages.components.shell.link_values import say_unusable
from pages.components.shell.state import KEPT, Loaded, keep_in_link, opened_with
from pages.components.shell.text import one_line, plain, sentence
from pages.components.widgets import tasks
from pages.components.widgets.methods import method_for, the_model
from pages.components.widgets.tasks import Chosen
from virialff.conformers.display import DisplayGeometry, display_geometry
from virialff.conformers.relax import Relaxation
from virialff.errors import VirialffError
from virialff.export.project import Geometries
from virialff.models.force_field import Model
from virialff.molecules import keys
from virialff.molecules.molecule import Molecule

_STORE = "named_geometries"
_LINK_PART = "geometry"
_RELAX_BY = {"model": "the model", "gfn2": "GFN2-xTB"}
#: Of one structure; the oldest goes first.
_MOST_KEPT = 50

kept.keep(_STORE)


@dataclass(frozen=True)
class Geometry:
    """Positions (n_atoms, 3) in A and a sentence about their source; no positions when none could be made."""

    positions: np.ndarray | None
    note: str
    source: str


@dataclass(frozen=True)
class _Kept:
    """Positions (n_atoms, 3) in A, how they came about, and what a link says to make them again."""

    positions: np.ndarray
    source: str
    link: str = ""


def keep(molecule: Molecule, name: str, positions: np.ndarray, source: str, *, link: str = "") -> None:
    """Add a geometry (n_atoms, 3), A, of this structure under a name and let all views show it from the next run on.

    `source` ends the sentence "Geometry: ...". One of the same name is replaced.
    """
    kept = _kept(molecule)
    kept.pop(name, None)
    kept[name] = _Kept(np.array(positions, dtype=np.float64), source, link)
    while len(kept) > _MOST_KEPT:
        del kept[next(iter(kept))]
    st.session_state[f"{_choice_key(molecule)}_wanted"] = name


def kept_names(molecule: Molecule) -> list[str]:
    """Names of the geometries that this session keeps of a structure, in the order in which they were made."""
    return list(_kept(molecule))


def saved(molecule: Molecule) -> list[Geometries]:
    """The geometries that this session keeps of a structure, for a project file."""
    return [Geometries(each.source, each.positions[None], name=name) for name, each in _kept(molecule).items()]


def take_back(molecule: Molecule, geometries: Sequence[Geometries]) -> None:
    """Keep those with a name of a project file, without showing them."""
    for each in geometries:
        if each.name:
            _kept(molecule)[one_line(each.name, limit=80)] = _Kept(each.positions[0], each.source)


def _kept(molecule: Molecule) -> dict[str, _Kept]:
    store: dict[str, dict[str, _Kept]] = st.session_state.setdefault(_STORE, {})
    return store.setdefault(_place(molecule), {})


def _place(molecule: Molecule) -> str:
    """What the geometries of a structure are kept by. Two molecules can meet in many ways: each is its own place."""
    return keys.structure_key(molecule) if molecule.n_fragments == 1 else keys.geometry_key(molecule)


def _choice_key(molecule: Molecule) -> str:
    return f"geometry_{keys.geometry_key(molecule)[:12]}"


def shown_geometry(loaded: Loaded, model: Model | None = None, row: DeltaGenerator | None = None) -> Geometry:
    """The widgets to choose a geometry of the current molecule, in a `row`, and that geometry; never two mixed.

    With a `model` it can be relaxed here, which adds a geometry.
    """
    molecule = loaded.molecule
    start = "As given" if molecule.n_conformers else "Made for display"
    if row is None:
        row = st.container(horizontal=True, vertical_alignment="bottom", gap="small")
    progress = st.container()
    chosen_before = st.session_state.get(_choice_key(molecule))
    if model is not None and (asked := opened_with(_LINK_PART)) is not None:
        _take_link(asked, molecule, model)
    with progress:
        _take_relaxed(loaded)
    names = [start, *kept_names(molecule)]
    key = _choice_key(molecule)
    wanted = st.session_state.pop(f"{key}_wanted", None)
    if wanted in names:
        st.session_state[key] = wanted
    elif chosen_before not in (None, *names):
        del st.session_state[key]
    chosen = start
    if len(names) > 1:
        chosen = row.selectbox("Geometry", names, key=key, format_func=one_line, width=250, **KEPT) or start
    if chosen != start:
        found = _kept(molecule)[chosen]
        geometry = Geometry(found.positions, f"Geometry: {plain(found.source)}.", found.source)
        keep_in_link(_LINK_PART, "" if molecule.n_conformers else found.link)
    else:
        with row:
            geometry = _start(molecule)
    if model is not None and geometry.positions is not None:
        with row:
            _relax_menu(molecule, model, geometry)
    return geometry


def _start(molecule: Molecule) -> Geometry:
    if molecule.n_conformers == 0:
        return _display_geometry(molecule)
    number = 1
    if molecule.n_conformers > 1:
        number = st.number_input(
            f"Conformer (1 to {molecule.n_conformers})",
            min_value=1,
            max_value=molecule.n_conformers,
            key=f"conformer_{keys.geometry_key(molecule)[:12]}",
            width=170,
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
    made: DisplayGeometry = background.of_molecule(display_geometry, _molecule)
    return made


def _relax_key(molecule: Molecule) -> str:
    return f"relax_shown_{_place(molecule)}"


def _relax_menu(molecule: Molecule, model: Model, geometry: Geometry) -> None:
    """A button for each method that relaxes; what it gives is a geometry more."""
    assert geometry.positions is not None
    busy = background.running(_relax_key(molecule))
    with st.popover("Relax", icon=":material/south:", disabled=busy, width="content"):
        for name in _RELAX_BY:
            method = _method(name, molecule, model)
            if isinstance(method, str):
                st.caption(sentence(method))
                continue
            st.button(
                method.label,
                key=f"relax_shown_by_{name}",
                on_click=_relax,
                args=(molecule, name, method, geometry.positions, geometry.source),
                help=f"From the geometry that is shown, by {plain(method.level)}.",
                width="stretch",
            )


def _method(name: str, molecule: Molecule, model: Model) -> Chosen | str:
    return the_model(model) if name == "model" else method_for(name, molecule)


@dataclass(frozen=True)
class _Asked:
    """A relaxation that runs: by which method, from which geometry, and what a link says of it."""

    label: str
    start: str
    link: str


def _relax(molecule: Molecule, name: str, method: Chosen, positions: np.ndarray, source: str) -> None:
    key = _relax_key(molecule)
    # Only what starts from the geometry made for display can be made again from a link.
    again = name if molecule.n_conformers == 0 and "made for display" in source and "relaxed" not in source else ""
    st.session_state[f"{key}_asked"] = _Asked(method.label, source, again)
    arguments: Sequence[Any] = (keys.bare(molecule), method.name, positions[None])
    background.start(key, tasks.relax, *arguments, title=f"Relaxing by {method.label}")


def _take_relaxed(loaded: Loaded) -> None:
    """Keep what a relaxation gave once it has ended; until then its progress is shown."""
    molecule = loaded.molecule
    key = _relax_key(molecule)
    result: Relaxation | None = background.show(key)
    asked: _Asked | None = st.session_state.get(f"{key}_asked")
    if result is None or asked is None:
        return
    background.stop(key)
    del st.session_state[f"{key}_asked"]
    (relaxed,) = result.conformers
    source = f"relaxed by {asked.label} from {asked.start}"
    if not relaxed.converged:
        source += f"; not at a minimum yet, the largest force is {relaxed.largest_force:.1f} kcal/mol/Å"
    if relaxed.changes:
        source += f"; on the way {', '.join(relaxed.changes)}"
    keep(molecule, _free_name(molecule, f"Relaxed by {asked.label}"), relaxed.positions, source, link=asked.link)


def _free_name(molecule: Molecule, name: str) -> str:
    taken = kept_names(molecule)
    numbered = (name if number == 1 else f"{name} ({number})" for number in range(1, len(taken) + 2))
    return next(text for text in numbered if text not in taken)


def _take_link(asked: str, molecule: Molecule, model: Model) -> None:
    """Make the geometry of a link again, in the background; one that cannot be made is said."""
    method = _method(asked, molecule, model) if asked in _RELAX_BY and molecule.n_conformers == 0 else None
    if method is None:
        say_unusable(_LINK_PART, ": it is not here")
        return
    geometry = _display_geometry(molecule)
    if isinstance(method, str) or geometry.positions is None:
        reason = method if isinstance(method, str) else geometry.note
        st.warning(sentence(reason), title="The geometry of the link cannot be made")
        return
    _relax(molecule, asked, method, geometry.positions, geometry.source)
