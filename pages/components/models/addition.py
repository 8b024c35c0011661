"""Add a model that came from elsewhere as a .zip: a job tries it, and adds it if it is whole."""

from __future__ import annotations

from pathlib import Path

import streamlit as st

from pages.components.shell import commands as command_view
from pages.components.shell import press
from pages.components.shell.state import KEPT
from pages.components.shell.text import plain, sentence
from training.jobs.control import list_jobs
from training.jobs.offered import RECEIVED, receive_model
from virialff.errors import VirialffError
from virialff.models import registry


def addition() -> None:
    """The upload, the name, and what became of those that were tried."""
    st.markdown(
        "A .zip of a model folder, as *Download* makes it. It is tried on a small molecule of each element before it "
        "is added; nothing in it is run. To make a model of a training of yours, see page Train."
    )
    file = st.file_uploader("Model (.zip)", type=["zip"], key="model_upload")
    command_view.refusal(RECEIVED, "The model was not added")
    if file is not None:
        suggested = registry.free_name(Path(file.name).stem)
        with st.container(horizontal=True, vertical_alignment="bottom"):
            name = st.text_input(
                "Name of the model", suggested, key=f"model_upload_name_{suggested}", width=320, live=True, **KEPT
            ).strip()
            try:
                registry.check_new_name(name)
                problem = None
            except VirialffError as error:
                problem = sentence(error)
            press.button(
                "Add it",
                lambda: command_view.attempt(RECEIVED, receive_model, file.getvalue(), name),
                type="primary",
                icon=":material/add:",
                disabled=problem is not None,
            )
        if problem is not None:
            st.error(problem)
    for job in list_jobs(RECEIVED)[::-1]:
        command_view.show(job, f"model {plain(Path(job.subject).name)}", result_lines=1)
