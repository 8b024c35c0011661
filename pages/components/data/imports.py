"""Import reference energies: files of any format that is read, or QMugs; what was refused, and why."""

from __future__ import annotations

from pathlib import Path

import streamlit as st

from pages.components.shell import commands as command_view
from pages.components.shell import press
from pages.components.shell.state import FINE_TUNE_ON, KEPT
from pages.components.widgets import energy_files
from training.jobs import offered
from training.jobs.control import list_jobs
from training.jobs.offered import IMPORT
from training.jobs.record import Job
from training.recipes.presets import shown_path

#: The key of the choice of label store of the page.
STORE = "data_store"
_FILES, _QMUGS = "My own files", "QMugs"


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


def _own_files() -> None:
    st.markdown(
        "Geometries with all hydrogens and their total energies, with forces where there are any: SDF, extended XYZ, "
        "ASE databases, HDF5 as of SPICE or ANI-1x, QCSchema and QCArchive (JSON), Parquet. What is not taken is "
        "counted with its reason."
    )
    files = energy_files.uploader("Files with reference energies", "labels_files")
    if files:
        energy_files.form(files, "Import", offered.import_files)


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
    store = energy_files.new_store("qmugs")
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
