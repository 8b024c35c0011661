"""Page Train: start a training, follow it, stop it, go on with it, make a model of it."""

import pandas as pd
import streamlit as st

from pages.components.shell.entry import enter_through_app
from pages.components.shell.state import LINKED
from pages.components.shell.text import plain
from pages.components.train.comparison import compare
from pages.components.train.job import show_job
from pages.components.train.start import SHOWN_JOB, find_devices_cached, new_training
from pages.components.train.sweeps import COMPARED, JOBS, SWEEPS, VIEW, sweeps
from pages.components.widgets.show import tabs
from training.jobs.control import list_jobs
from training.jobs.devices import Devices
from training.jobs.record import Job
from training.labelling.campaign.progress import duration

_TABLE_SECONDS = 5.0
_GPU_TITLES = {
    "index": "GPU",
    "name": "model",
    "memory_used_mib": "memory used (MiB)",
    "memory_total_mib": "memory (MiB)",
    "load_percent": "load (%)",
}
_PARTITION_TITLES = {
    "name": "partition",
    "state": "state",
    "nodes": "nodes",
    "processors_per_node": "processors a node",
    "memory_per_node_mib": "memory a node (MiB)",
    "gpus": "GPUs",
    "time_limit": "time limit",
}


def jobs_table(jobs: list[Job]) -> pd.DataFrame:
    """A row a job, the latest first."""
    rows = []
    for job in jobs:
        left = job.remaining_seconds
        rows.append(
            {
                "job": job.name,
                "state": job.state if job.position is None else f"{job.state} ({job.position})",
                "done (%)": 100.0 * job.step / job.steps if job.steps else None,
                "step": job.step,
                "time left": "" if left is None else duration(left),
                "where": "SLURM" if job.cluster == "slurm" else job.host,
            }
        )
    return pd.DataFrame(rows)


def list_of_jobs(jobs: list[Job]) -> None:
    """The table; it renews itself while a job is not over."""
    table = jobs_table(jobs)
    st.dataframe(
        table,
        hide_index=True,
        column_config={
            "job": st.column_config.TextColumn(pinned=True),
            "done (%)": st.column_config.ProgressColumn(format="%.0f %%", min_value=0, max_value=100),
        },
        height=min(38 + 35 * len(table), 320),
    )


def devices_table(devices: Devices) -> None:
    """GPUs with memory and load, partitions of SLURM, or why there are none."""
    partitions = [
        vars(partition)
        | {"name": partition.name + (" (default)" if partition.default else ""), "gpus": partition.gpus or "none"}
        for partition in devices.partitions
    ]
    for rows, titles, none in (
        ([vars(gpu) for gpu in devices.gpus], _GPU_TITLES, devices.no_gpu),
        (partitions, _PARTITION_TITLES, devices.no_slurm),
    ):
        if rows:
            st.dataframe(pd.DataFrame(rows)[list(titles)].rename(columns=titles), hide_index=True)
        else:
            st.info(plain(none or ""))


def _renewed_list() -> None:
    list_of_jobs(list_jobs()[::-1])


def trainings() -> None:
    """The list of jobs, and the one that is shown."""
    jobs = list_jobs()[::-1]
    if not jobs:
        st.info("There are no trainings yet.")
        return
    if any(not job.is_over for job in jobs):
        st.fragment(_renewed_list, run_every=_TABLE_SECONDS)()
    else:
        list_of_jobs(jobs)
    names = [job.name for job in jobs]
    if st.session_state.get(SHOWN_JOB) not in names:
        st.session_state[SHOWN_JOB] = names[0]
    shown = st.selectbox("Show", names, key=SHOWN_JOB, width=360, **LINKED)
    show_job(next(job for job in jobs if job.name == shown))


enter_through_app()
st.title("Train")
st.markdown("Train a model of your own. A training goes on when this page or the app is closed.")
devices = find_devices_cached()
new_training(devices)
tabs(VIEW, {JOBS: trainings, COMPARED: compare, SWEEPS: sweeps})
with st.expander("GPUs and SLURM", icon=":material/memory:"):
    devices_table(devices)
