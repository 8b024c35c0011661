"""Import reference energies: files of any format that is read, or QMugs; what was refused, and why."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import streamlit as st

from pages.components.data import tasks as data_tasks
from pages.components.shell import background, press
from pages.components.shell import commands as command_view
from pages.components.shell.state import FINE_TUNE_ON, KEPT
from pages.components.shell.text import file_stem, plain, sentence
from training.jobs import offered
from training.jobs.control import list_jobs
from training.jobs.offered import IMPORT
from training.jobs.record import Job
from training.recipes.presets import shown_path
from virialff.errors import VirialffError
from virialff.labels.formats.entry import FORMATS
from virialff.labels.schema import KINDS
from virialff.settings import LABELS
from virialff.units import ENERGY_UNITS

#: The key of the choice of label store of the page.
STORE = "data_store"
_FILES, _QMUGS = "My own files", "QMugs"
_AS_SAID = "as the file says"
_LEVELS = ("wB97X-D/def2-SVP", "GFN2-xTB", "wB97X/6-31G(d)", "B3LYP/6-31G(d)")
#: Names of data fields that are an energy's more likely than those of others.
_LIKELY = ("total energy", "total_energy", "energy", "scf", "e_tot", "etot")
_HEAD_BYTES = 200_000


def imports() -> None:
    """What can be imported; those imports that run and have run."""
    command_view.refusal(IMPORT, "The import was not started")
    way = st.segmented_control("Import", [_FILES, _QMUGS], default=_FILES, required=True, key="import_way", **KEPT)
    if way == _QMUGS:
        _qmugs()
    else:
        _own_files()
    for job in list_jobs(IMPORT)[::-1]:
        _imported(job)


def _imported(job: Job) -> None:
    command_view.show(job, f"import into {Path(job.subject).name}", result_lines=12)
    store = shown_path(Path(job.subject))
    # Also an import that refused some records has the others.
    if job.is_over and job.state != "damaged" and store in offered.label_stores():
        with st.container(horizontal=True):
            st.button(
                "Look into it",
                key=f"look_{job.name}",
                icon=":material/search:",
                on_click=_look_into,
                args=(store,),
            )
            st.page_link(
                "pages/train.py",
                label="Fine-tune a model on it",
                icon=":material/tune:",
                query_params={FINE_TUNE_ON: store},
                width="content",
            )


def _look_into(store: str) -> None:
    st.session_state[STORE] = store
    st.session_state["data_part"] = "Browse"


def _new_store(suggested: str) -> str | None:
    """Name of the label store that an import adds to."""
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


def _own_files() -> None:
    st.markdown(
        "Geometries with all hydrogens and their total energies, with forces where there are any: SDF, extended XYZ, "
        "ASE databases, HDF5 as of SPICE or ANI-1x, QCSchema and QCArchive (JSON), Parquet. What is not taken is "
        "counted with its reason."
    )
    files = st.file_uploader(
        "Files with reference energies", type=[*FORMATS, "gz"], key="labels_files", accept_multiple_files=True
    )
    if not files:
        return
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
    store = _new_store(file_stem(files[0].name.partition(".")[0], "own"))
    if store is None:
        return
    chosen = {"level": level, "energy": energy, "unit": unit}
    given = {name: "" if value in (None, _AS_SAID) else str(value).strip() for name, value in chosen.items()}
    press.button(
        "Import",
        lambda: command_view.attempt(
            IMPORT, offered.import_files, {file.name: file.getvalue() for file in files}, store, **given, **more
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
        found: list[str] = background.read(data_tasks.energy_fields, name, head)
    except VirialffError as error:
        st.info(sentence(error))
        return []
    return found


def _qmugs() -> None:
    folders = list(offered.qmugs_folders())
    if not folders:
        st.info(
            "There is no folder with `summary.csv` and `structures.tar.gz` of QMugs here. The administrator of this "
            "app can name one (`qmugs` in the section `[folders]` of the settings), or import it by "
            "`virialff data import-qmugs`.",
            title="QMugs is not here",
        )
        return
    folder = st.selectbox("Folder with the files of QMugs", folders, key="qmugs_folder", width=520, **KEPT)
    store = _new_store("qmugs")
    with st.container(horizontal=True):
        gfn2 = st.toggle("The rows at GFN2-xTB too", key="qmugs_gfn2", **KEPT)
        any_geometry = st.toggle(
            "Also energies of another geometry",
            key="qmugs_any",
            help="Energies that were computed at another geometry than the record's; `detail` marks them.",
            **KEPT,
        )
    if store is None:
        return
    press.button(
        "Import QMugs",
        lambda: command_view.attempt(IMPORT, offered.import_qmugs, folder, store, gfn2=gfn2, any_geometry=any_geometry),
        icon=":material/database:",
    )
