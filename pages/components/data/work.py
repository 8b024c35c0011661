"""Work on label stores: check one, run a label campaign. What is long goes on without the page."""

from __future__ import annotations

import re
from functools import partial
from itertools import takewhile
from pathlib import Path

import pandas as pd
import streamlit as st

from pages.components.data import tasks as data_tasks
from pages.components.shell import background, press
from pages.components.shell import commands as command_view
from pages.components.shell.state import KEPT, stays_open
from pages.components.shell.text import one_line, plain, sentence
from pages.components.widgets.show import download
from training.jobs import offered
from training.jobs.control import list_jobs
from training.jobs.offered import CAMPAIGN
from training.labelling.campaign.progress import duration
from training.labelling.config import load_campaign
from training.labelling.own_molecules import LEVELS, MOST_CONFORMERS, SUFFIXES
from training.labelling.plan.estimate import CampaignEstimate
from training.recipes.presets import shown_path
from training.recipes.recipe import PRESETS
from virialff.errors import VirialffError
from virialff.labels.check import CheckResult
from virialff.text import counted

_PROBLEMS_SHOWN = 500
_CAMPAIGN = "campaign"
_REFUSED_SHOWN = 200
#: Seconds from which a campaign is started only by who says that it is meant.
_HOUR = 3600.0


def check(path: Path, version: object) -> None:
    """Verify every row in the background; the problems as a table."""
    st.markdown("Every row is decoded and tried: lists, units, bonds, energies, forces (`virialff data check`).")
    key = f"check_{path}_{hash(version)}"
    if not background.running(key):
        press.button(
            "Check every row",
            lambda: background.start(key, data_tasks.check_store, str(path), title="Checking the rows", lane="long"),
            icon=":material/fact_check:",
        )
    result: CheckResult | None = background.show(key)
    if result is None:
        return
    if not result.problems:
        st.success(f"{counted(result.rows, 'row')} in {counted(result.files, 'file')}, nothing is wrong with them.")
        return
    st.error(
        f"{counted(result.rows, 'row')} in {counted(result.files, 'file')}: {counted(len(result.problems), 'problem')}."
    )
    table = pd.DataFrame(
        [(problem.file.name, problem.row, problem.identifier, problem.what) for problem in result.problems],
        columns=["file", "row", "identifier", "problem"],
    )
    st.dataframe(table.head(_PROBLEMS_SHOWN), hide_index=True)
    download("Problems (CSV)", table, "problems.csv")


def campaigns() -> None:
    """Start one of the label campaigns that are offered; those that run and have run."""
    st.markdown(
        "A label campaign draws molecules and computes their energies, forces and dipoles by GFN2-xTB or DFT. What it "
        "will take is worked out first."
    )
    command_view.refusal(CAMPAIGN)
    _own_molecules()
    found = offered.campaigns()
    with st.container(horizontal=True, vertical_alignment="bottom"):
        name = st.selectbox(
            "Campaign",
            list(found),
            format_func=lambda name: _title(name, found[name]),
            key=_CAMPAIGN,
            width=520,
            help="What ships, what was made of molecules given here, and what is in the folders that the administrator "
            "of this app names.",
            **KEPT,
        )
        workers = st.number_input("Workers", 1, 512, 1, key="campaign_workers", width=140, **KEPT)
    _one_campaign(name, found, int(workers))
    for job in list_jobs(CAMPAIGN)[::-1]:
        command_view.show(job, f"labels into {shown_path(Path(job.subject))}", result_lines=3)


def _about(text: str) -> str:
    """The comment at the top of a configuration."""
    comment = takewhile(lambda line: line[:1] == "#", text.splitlines())
    return " ".join(line.lstrip("# ") for line in comment if "Run with" not in line)


def _title(name: str, path: Path) -> str:
    """What a campaign is called: of one that ships, how the comment at its top begins."""
    if path.parent != PRESETS:
        return one_line(name)
    return re.split(r"[,:;.](?=\s|$)", _about(path.read_text(encoding="utf-8")))[0]


def _own_molecules() -> None:
    """The form that makes a campaign of molecules of one's own, which is then the chosen one."""
    stays_open("own_molecules")
    with st.expander("My own molecules", icon=":material/edit_note:", key="own_molecules", on_change="rerun") as form:
        if not form.open:
            return
        st.text_area("SMILES, one a line", key="own_smiles", placeholder="CCO ethanol\nCC(=O)NC", height=110, **KEPT)
        st.file_uploader("or a file", type=list(SUFFIXES), key="own_file")
        with st.container(horizontal=True, vertical_alignment="bottom"):
            st.text_input("Name", "my-molecules", key="own_name", width=220, **KEPT)
            st.selectbox("Level of theory", LEVELS, key="own_level", width=220, **KEPT)
            st.number_input("Conformers, at most", 1, MOST_CONFORMERS, 3, key="own_conformers", width=150, **KEPT)
            st.button(
                "Take these molecules",
                icon=":material/playlist_add:",
                on_click=command_view.attempt,
                args=(CAMPAIGN, _take_molecules),
            )
        st.caption(
            "Neutral molecules of one fragment and up to 60 heavy atoms. What is left out is said with the estimate."
        )


def _take_molecules() -> None:
    # Not as arguments, which would be those of before the press.
    name, typed, file, level, conformers = (
        st.session_state[f"own_{part}"] for part in ("name", "smiles", "file", "level", "conformers")
    )
    if not typed.strip() and file is None:
        raise VirialffError("no molecules are given: type SMILES, one a line, or choose a file")
    name = name.strip()
    content, suffix = (typed.encode(), "smi") if file is None else (file.getvalue(), file.name.rpartition(".")[2])
    offered.new_campaign(name, content, suffix, level=level, conformers=conformers)
    st.session_state[_CAMPAIGN] = name
    st.session_state["own_molecules"] = False


def _one_campaign(name: str, found: dict[str, Path], workers: int) -> None:
    try:
        path = offered.chosen(found, name, "label campaign")
        text = path.read_text(encoding="utf-8")
        config = load_campaign(path)
    except VirialffError as error:
        st.error(sentence(error), title="This configuration cannot be used")
        return
    about = _about(text)
    where = "SLURM" if config.cluster == "slurm" else "this machine"
    st.caption(f"{plain(about)} Computes on {where} into {plain(shown_path(config.folder))}.")
    with st.popover("The configuration"):
        st.code(text, language="yaml")
    key = f"campaign_{path}_{hash(text)}"
    if not background.known(key):
        press.button(
            "What will it take?",
            lambda: background.start(
                key, data_tasks.estimate_campaign, str(path), title="Drawing its tasks", lane="long"
            ),
            icon=":material/schedule:",
            type="primary",
        )
        return
    estimate: CampaignEstimate | None = background.show(key)
    if background.running(key):
        return
    if estimate is not None:
        _estimated(estimate, workers)
    sure = True
    if estimate is None or estimate.seconds is None or estimate.seconds / workers > _HOUR:
        sure = st.checkbox("Start it all the same: I know that it takes hours", key=f"sure_{key}")
    press.button(
        "Start labelling",
        partial(command_view.attempt, CAMPAIGN, offered.label, name, workers),
        type="primary",
        icon=":material/play_arrow:",
        disabled=not sure,
    )
    st.caption("It goes on when this page is closed. What is there already is not computed again.")


def _estimated(estimate: CampaignEstimate, workers: int) -> None:
    """The tasks that are left, by kind, with the time of each and what that rests on."""
    if estimate.refused:
        table = pd.DataFrame(estimate.refused, columns=["molecule or pool", "reason"]).map(one_line)
        with st.expander(f"Left out: {len(table):,}, each with its reason"):
            st.dataframe(table.head(_REFUSED_SHOWN), hide_index=True)
            download("Left out (CSV)", table, "left_out.csv")
    if not estimate.kinds:
        st.success("Everything of it is there already.")
        return
    table = pd.DataFrame(
        [
            {
                "tasks": kind.name.replace("_", " "),
                "left to compute": kind.tasks,
                "seconds a task": kind.seconds_per_task,
                "known from": "nothing like it" if kind.basis is None else kind.basis,
            }
            for kind in estimate.kinds
        ]
    )
    time = "not known" if estimate.seconds is None else duration(estimate.seconds / workers)
    st.markdown(
        f":material/schedule: **About {plain(time)}** for {counted(estimate.tasks, 'task')} with "
        f"{counted(workers, 'worker')} of one thread each" + (", most of it DFT." if estimate.dft else ".")
    )
    st.dataframe(table, hide_index=True, column_config={"seconds a task": st.column_config.NumberColumn(format="%.2f")})
