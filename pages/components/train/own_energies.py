"""Reference energies of one's own that are given on page Train: imported, then fine-tuning is set up on them."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import streamlit as st
from streamlit.runtime.uploaded_file_manager import UploadedFile

from pages.components.shell import commands as command_view
from pages.components.widgets import energy_files
from training.jobs import offered
from training.jobs.control import list_jobs
from training.recipes.presets import shown_path

# The import that was started here, that whose form was opened, and how many there were: each has an empty field.
_IMPORT, _OPENED, _COUNT = "training_import", "training_import_opened", "training_imports"


def field() -> list[UploadedFile]:
    """The field for the files, for the card."""
    return energy_files.uploader("Your files with energies", f"training_files_{st.session_state.get(_COUNT, 0)}")


def imported(files: list[UploadedFile], set_up: Callable[[str], None]) -> None:
    """What is said of the files before they are imported, and the import as it goes; then `set_up` of its store."""
    if files:
        with st.container(border=True):
            energy_files.form(files, "Import and set up fine-tuning", _start)
    command_view.refusal(offered.IMPORT, "The import was not started")
    started = st.session_state.get(_IMPORT)
    job = next((job for job in list_jobs(offered.IMPORT) if job.name == started), None)
    if job is None:
        return
    store = shown_path(Path(job.subject))
    if job.is_over and store in offered.label_stores() and st.session_state.get(_OPENED) != started:
        st.session_state[_OPENED] = started
        set_up(store)
        st.rerun()
    command_view.show(job, f"import into {Path(job.subject).name}", result_lines=12)


def _start(*given: Any, **said: Any) -> None:
    st.session_state[_IMPORT] = offered.import_files(*given, **said).name
    st.session_state[_COUNT] = st.session_state.get(_COUNT, 0) + 1
