"""Many molecules of one file, each with its conformers ranked by the chosen methods: one table to download."""

from functools import partial

import pandas as pd
import streamlit as st

from pages.components.conformers import tasks
from pages.components.shell import background, press, state
from pages.components.shell.text import listed, plain
from pages.components.widgets import molecule_set
from pages.components.widgets.comparison_views import energy_table
from pages.components.widgets.methods import MODEL, method_for, the_model
from pages.components.widgets.show import download
from pages.components.widgets.tasks import Chosen, Uploaded
from virialff.io.uploads import MAX_RECORDS
from virialff.methods.runs import LatestResults
from virialff.methods.tables import ROOM_TEMPERATURE
from virialff.models.force_field import Model
from virialff.molecules.molecule import Molecule
from virialff.text import counted

_NAMES = {"GFN2-xTB": "gfn2", "ANI": "ani", "MMFF94": "mmff94"}
_ROWS_SHOWN = 1000
_PROBLEMS_SHOWN = 8
_ANY = Molecule.from_smiles("C")


@st.cache_resource(show_spinner=False)
def ranked() -> LatestResults[dict[int, tasks.Ranked]]:
    """Rows by molecule of a file, shared by all sessions."""
    return LatestResults(max_entries=16)


def many_molecules(model: Model) -> None:
    """An expander with the upload, the methods, the progress, the table and its download."""
    state.stays_open("conformers_batch")
    place = st.expander(
        "Many molecules at once", icon=":material/dynamic_feed:", on_change="rerun", key="conformers_batch"
    )
    if not place.open:
        return
    with place:
        st.caption(
            f"A file with up to {MAX_RECORDS:,} geometries: consecutive records of one molecule are its conformers. "
            "They are ranked as they are."
        )
        molecules = molecule_set.uploaded_set("conformers_batch_upload", "SDF or XYZ file with conformers of molecules")
        names = st.pills(
            "Rank by",
            [MODEL, *_NAMES],
            selection_mode="multi",
            default=[MODEL],
            key="conformers_batch_methods",
            **state.KEPT,
        )
        if molecules is None or not names or not isinstance(molecules.source, Uploaded):
            return
        found = [the_model(model) if name == MODEL else method_for(_NAMES[name], _ANY) for name in names]
        for name, reason in zip(names, found, strict=True):
            if isinstance(reason, str):
                st.info(plain(reason), title=f"{name} cannot be used here")
        methods = tuple(method for method in found if not isinstance(method, str))
        if methods:
            _run(molecules.key, molecules.source, methods)


def _run(content: str, source: Uploaded, methods: tuple[Chosen, ...]) -> None:
    place = (content, *(method.key for method in methods))
    job = f"rank_many_{'_'.join(place)}"
    background.show(job)
    parts = ranked().get(place) or {}
    finished = background.has_result(job)
    if not background.running(job) and not finished:
        done = max(parts, default=0)
        press.button(
            f"Go on ({counted(done, 'molecule')} done)" if parts else "Rank all",
            partial(_start, job, place, source, methods, done),
            key="rank_all",
            type="primary",
            icon=":material/play_arrow:",
        )
    problems = [sentence for _, _, found in parts.values() for sentence in found]
    if problems:
        lines = [plain(text) for text in problems]
        st.warning(
            listed(lines, _PROBLEMS_SHOWN), title=f"{counted(len(problems), 'result is', 'results are')} missing"
        )
    table = pd.DataFrame([row for number in sorted(parts) for row in parts[number][1]])
    if table.empty:
        return
    st.caption(f"{table['molecule'].nunique():,} molecules with {len(table):,} conformers.")
    energy_table(table.head(_ROWS_SHOWN), pinned="molecule")
    if len(table) > _ROWS_SHOWN:
        st.caption(f"The first {_ROWS_SHOWN:,} rows; the download has all.")
    download("Ranking of all molecules (CSV)", table, "ranking.csv", key="conformers_batch_csv")


def _start(job: str, place: tuple[str, ...], source: Uploaded, methods: tuple[Chosen, ...], done: int) -> None:
    cache = ranked()

    def keep(part: tasks.Ranked | bool | None) -> None:
        if isinstance(part, tuple):
            cache.put(place, {**(cache.get(place) or {}), part[0]: part})

    background.start(job, tasks.rank_many, source, methods, ROOM_TEMPERATURE, done, title="Ranking", keep=keep)
