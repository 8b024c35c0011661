"""The frame of the pages of My molecule: the input, what the molecule is, its structure in sight, results beside it."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from pages.components.shell import model as models
from pages.components.shell.state import Loaded
from pages.components.shell.text import file_stem, one_line, plain, subscripted
from pages.components.widgets import card, charges, inputs
from pages.components.widgets.geometry import Geometry, shown_geometry
from pages.components.widgets.show import download
from pages.components.widgets.sight import Sight
from pages.components.widgets.trust import show_trust, trust_of
from virialff.export.ensembles import geometry_sdf
from virialff.models.force_field import ForceField, Model
from virialff.text import counted

NOTHING = "Nothing to show yet: draw a molecule and press Apply, type a SMILES, upload a file or choose an example."
_FOLDER = Path(__file__).parent
_STYLE = f"<style>{(_FOLDER / 'workspace.css').read_text(encoding='utf-8')}</style>"
_copy_link = st.components.v2.component(
    "copy_link",
    html='<button type="button">Copy link</button>',
    css=(_FOLDER / "copy_link.css").read_text(encoding="utf-8"),
    js=(_FOLDER / "copy_link.js").read_text(encoding="utf-8"),
)


@dataclass(frozen=True)
class Workspace:
    """The current molecule with all that the pages of My molecule share, and where they put what they add.

    sight: what the results ask the structure to show, which is drawn once they are there.
    """

    shown: Loaded
    model: Model
    force_field: ForceField
    choose_geometry: Callable[[], Geometry]
    sight: Sight

    @cached_property
    def geometry(self) -> Geometry:
        """The one that is chosen above the structure, from which what is computed starts.

        Made when it is first asked for: results that need none are sent to the browser meanwhile.
        """
        return self.choose_geometry()


def my_molecule(title: str, results: Callable[[Workspace], None], nothing: str = NOTHING) -> None:
    """Title, input, header and structure of a page, and beside it its `results`.

    What is missing is said where there is no molecule that the model can treat: `nothing` before the first one.
    """
    st.title(title)
    shown = inputs.chosen_molecule(nothing)
    if shown is not None:
        workspace(shown, results)


def two_columns(share: float) -> tuple[DeltaGenerator, DeltaGenerator]:
    """A left part with this share of the width, which stays in sight, and a right one; one column below 1200 pixels."""
    st.html(_STYLE)
    left, right = st.columns([share, 1.0 - share], gap="medium")
    return left.container(key="structure"), right


def workspace(shown: Loaded, results: Callable[[Workspace], None], noun: str = "molecule") -> None:
    """Header, structure and results of a molecule; that the model cannot treat it is said.

    The structure stays in sight on the left; below 1200 pixels there is one column.
    """
    active = models.active_model()
    _header(shown, active)
    force_field = models.treatable(active, shown.molecule, noun)
    if force_field is None:
        return
    left, right = two_columns(0.42)
    with left:
        row = st.container(horizontal=True, vertical_alignment="bottom", gap="small")
        above = st.container()
        view = st.container()
        st.code(shown.molecule.smiles, language=None, wrap_lines=True)

    def choose_geometry() -> Geometry:
        with above:
            return shown_geometry(shown, active, row)

    work = Workspace(shown, active, force_field, choose_geometry, Sight())
    with right:
        show_trust(trust_of(active, shown.molecule))
        card.show_notes(shown.molecule)
        results(work)
    geometry = work.geometry
    with view:
        rare = active.rare_atoms(shown.molecule)
        charges.structure_views(
            shown.molecule, force_field.charges, geometry, rare, height=300, place=row, sight=work.sight
        )
    with row:
        if work.sight.chosen_in:
            st.button(
                "Back",
                key="back_to_geometry",
                icon=":material/undo:",
                on_click=st.session_state.pop,
                args=(work.sight.chosen_in, None),
                help="Shows the geometry again that is chosen here.",
            )
        _geometry_download(shown, work.sight.geometry or geometry)


def _geometry_download(shown: Loaded, geometry: Geometry) -> None:
    """The geometry in sight as a file."""
    if geometry.positions is None:
        return
    molecule, positions, title = shown.molecule, geometry.positions, shown.title
    properties = {"GEOMETRY": one_line(geometry.source, limit=200)}

    def sdf() -> str:
        return geometry_sdf(molecule.with_positions(positions), title, properties)

    stem = file_stem(title, molecule.formula)
    download("SDF", sdf, f"{stem}_geometry.sdf", key="shown_sdf", help="The geometry that is shown, as a file.")


def _header(shown: Loaded, active: Model) -> None:
    """Formula, name, size, origin and model on one line, and a button that copies the address."""
    molecule = shown.molecule
    with st.container(horizontal=True, vertical_alignment="center", gap="small", key="molecule_header"):
        st.header(subscripted(molecule.formula), anchor=False, width="content")
        if shown.title:
            st.text(one_line(shown.title, limit=120))
        parts = [counted(molecule.n_atoms, "atom")]
        if molecule.n_fragments > 1:
            parts.append(f"a complex of {counted(molecule.n_fragments, 'molecule')}")
        parts.append(counted(molecule.n_conformers, "conformer") if molecule.n_conformers else "no coordinates given")
        st.caption(f"{', '.join(parts)}; from: {plain(shown.origin)}; model: {plain(active.name)}", width="content")
        without = ", without its coordinates" if shown.has_own_geometry else ""
        hint = f"The address of this page reopens this molecule{without}."
        _copy_link(data={"label": "Copy link", "done": "Copied", "hint": hint}, width="content", key="copy_link")
