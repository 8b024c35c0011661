"""Reference energies in files of one's own: the field for them, and what is said of them before they are imported."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import streamlit as st
from streamlit.runtime.uploaded_file_manager import UploadedFile

from pages.components.shell import background, press
from pages.components.shell import commands as command_view
from pages.components.shell.state import KEPT
from pages.components.shell.text import file_stem, plain, sentence
from pages.components.widgets import tasks
from training.jobs import offered
from training.recipes.presets import shown_path
from virialff.errors import VirialffError
from virialff.labels.formats.entry import FORMATS
from virialff.labels.schema import KINDS
from virialff.settings import LABELS
from virialff.units import ENERGY_UNITS

_AS_SAID = "as the file says"
_LEVELS = ("wB97X-D/def2-SVP", "GFN2-xTB", "wB97X/6-31G(d)", "B3LYP/6-31G(d)")
#: Names of data fields that are an energy's more likely than those of others.
_LIKELY = ("total energy", "total_energy", "energy", "scf", "e_tot", "etot")
_HEAD_BYTES = 200_000


def uploader(label: str, key: str) -> list[UploadedFile]:
    """The field for the files."""
    return st.file_uploader(label, type=[*FORMATS, "gz"], key=key, accept_multiple_files=True)


def form(files: Sequence[UploadedFile], label: str, act: Callable[..., object]) -> None:
    """Level of theory, where the energies are, the name they are kept by; a button that has `act` import them.

    `act` is called as `offered.import_files`.
    """
    fields = _energy_fields(files[0].name, files[0].getvalue()[:_HEAD_BYTES])
    with st.container(horizontal=True, vertical_alignment="bottom"):
        level = st.selectbox(
            "Level of theory",
            [_AS_SAID, *_LEVELS],
            key="import_level",
            accept_new_options=True,
            width=260,
            help="Of all energies in the files, such as wB97X-D/def2-SVP; type another. Records of another level are "
            "refused.",
            **KEPT,
        )
        options = [_AS_SAID, *fields]
        likely = next((number for number, name in enumerate(options) if name.lower() in _LIKELY), 0)
        energy = st.selectbox(
            "The energy is in",
            options,
            likely,
            key=f"import_energy_{'_'.join(fields)}",
            accept_new_options=True,
            width=220,
            help="The data field, column or data set that holds the total energy; type another.",
        )
        unit = st.selectbox("Its unit", [_AS_SAID, *ENERGY_UNITS], key="import_unit", width=160, **KEPT)
    more = _more()
    store = new_store(file_stem(files[0].name.partition(".")[0], "own"))
    if store is None:
        return
    chosen = {"level": level, "energy": energy, "unit": unit}
    given = {name: "" if value in (None, _AS_SAID) else str(value).strip() for name, value in chosen.items()}
    press.button(
        label,
        lambda: command_view.attempt(
            offered.IMPORT, act, {file.name: file.getvalue() for file in files}, store, **given, **more
        ),
        type="primary",
        icon=":material/database:",
    )


def _more() -> dict[str, Any]:
    """What is seldom needed."""
    with st.expander("More: kind of geometry, forces, units of length"), st.container(horizontal=True):
        kind = st.selectbox(
            "Geometries are",
            [_AS_SAID, *KINDS],
            key="import_kind",
            width=200,
            help="Where neither the file nor you say: by their forces, minima where there are none.",
            **KEPT,
        )
        length = st.selectbox("Positions are in", [_AS_SAID, *offered.LENGTHS], key="import_length", width=200, **KEPT)
        program = st.text_input("Program that computed them", key="import_program", width=240, **KEPT)
        forces = st.toggle("Take forces too", value=True, key="import_forces", **KEPT)
    said = {"kind": kind, "length": length}
    return {
        **{name: "" if value == _AS_SAID else value for name, value in said.items()},
        "program": program.strip(),
        "forces": forces,
    }


@st.cache_data(show_spinner=False, max_entries=32)
def _energy_fields(name: str, head: bytes) -> list[str]:
    try:
        found: list[str] = background.read(tasks.energy_fields, name, head)
    except VirialffError as error:
        st.info(sentence(error))
        return []
    return found


def new_store(suggested: str) -> str | None:
    """The field for the name of the label store that an import adds to; None, with the reason, where it cannot be."""
    name = st.text_input(
        "Keep them as",
        suggested,
        key=f"store_{suggested}",
        width=320,
        help=f"A label store, a folder in {plain(shown_path(LABELS))}; energies are added to one that is there.",
        **KEPT,
    ).strip()
    try:
        offered.new_store(name)
    except VirialffError as error:
        st.error(sentence(error))
        return None
    return name
