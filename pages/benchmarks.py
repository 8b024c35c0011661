"""Page Benchmarks: errors of models and methods side by side, as shipped and measured anew, and studies."""

from functools import partial
from pathlib import Path

import streamlit as st

from pages.components.benchmarks import complexes, shipped
from pages.components.benchmarks import studies as study_views
from pages.components.benchmarks import tasks as evaluation_tasks
from pages.components.benchmarks import views as evaluation_views
from pages.components.shell import background, press
from pages.components.shell.entry import enter_through_app
from pages.components.shell.state import LINKED
from pages.components.shell.text import one_line, plain, sentence
from pages.components.widgets.show import tabs
from training.recipes.presets import label_sources, levels_of, shown_path
from virialff.benchmarks.report import LABELS, LEVEL_OF_THEORY, REFERENCES, SideBySide
from virialff.engines import ENGINES
from virialff.errors import VirialffError
from virialff.models.checkpoint import load_checkpoint
from virialff.models.registry import registered_models

_NONE = "none, the evaluation sets alone"
_KEY = "evaluation"


def measure(names: list[str], level_of_first: str) -> None:
    """Choose the data, start the evaluation in the background, show its result."""
    sources = {shown_path(path): path for path in label_sources()}
    options = [*sources, _NONE]
    with st.container(horizontal=True):
        # Total energies of other levels have another zero.
        fitting = shown_path(LABELS if level_of_first == LEVEL_OF_THEORY else LABELS.with_name("gfn2.parquet"))
        default = options.index(fitting) if fitting in options else 0
        source = st.selectbox("Labels to test on", options, default, key="evaluation_labels", width=320, **LINKED)
        labels = sources.get(source)
        level = ""
        if labels is not None:
            try:
                levels = levels_of(labels)
            except VirialffError as error:
                st.error(sentence(error), title="These labels cannot be used")
                return
            if not levels:
                st.error(plain(f"{source} holds no labels: choose others."))
                return
            index = levels.index(level_of_first) if level_of_first in levels else 0
            level = st.selectbox(
                "Level of theory", levels, index, key=f"evaluation_level_{source}", persist_state="session", width=260
            )
        most = st.number_input("At most so many molecules", 1, 100_000, 100, key="evaluation_most", width=220, **LINKED)
    with st.container(horizontal=True):
        engines = st.pills(
            "Beside them",
            list(ENGINES),
            selection_mode="multi",
            default=list(ENGINES),
            format_func=lambda name: {"gfn2": "GFN2-xTB", "ani": "ANI"}.get(name, name),
            key="evaluation_engines",
            **LINKED,
        )
        physics = st.toggle("Checks of the parameters too", value=True, key="evaluation_physics", **LINKED)
        sets = st.toggle("S66, base pairs and conformers too", value=True, key="evaluation_sets", **LINKED)
        own = st.toggle("Our own test sets and named molecules too", key="evaluation_own_sets", **LINKED)
    if not background.running(_KEY):
        chosen = [name for name in ENGINES if name in engines]
        press.button(
            "Measure",
            partial(_start, names, labels, level, sets, physics, chosen, int(most), own),
            type="primary",
            icon=":material/play_arrow:",
        )
    st.caption(
        "Only molecules count that the split of every chosen model keeps for testing. The same from the command line: "
        f"`virialff evaluate {' '.join(names)}`."
    )
    result: SideBySide | None = background.show(_KEY)
    if result is not None:
        evaluation_views.measured(result)


def _start(
    names: list[str],
    labels: Path | None,
    level: str,
    sets: bool,
    physics: bool,
    engines: list[str],
    most: int,
    own: bool,
) -> None:
    background.start(
        _KEY,
        evaluation_tasks.evaluate,
        names,
        None if labels is None else str(labels),
        level,
        str(REFERENCES) if sets else None,
        engines,
        physics,
        most,
        own,
        title="Measuring",
        lane="long",
    )


def measure_now() -> None:
    """Choose the models, then what they are measured on."""
    registered = registered_models()
    names = [entry.name for entry in registered]
    kept = st.session_state.get("evaluation_models", [])
    if any(name not in names for name in kept):
        st.session_state["evaluation_models"] = [name for name in kept if name in names]
    chosen = st.multiselect("Models", names, default=names[:3], key="evaluation_models", format_func=one_line, **LINKED)
    levels = {}
    for entry in registered:
        if entry.name in chosen:
            try:
                levels[entry.name] = str(load_checkpoint(entry.folder).card["level_of_theory"])
            except VirialffError as error:
                st.error(sentence(error), title=f"The model {one_line(entry.name)} cannot be loaded")
    if levels:
        measure(list(levels), next(iter(levels.values())))
    else:
        st.info("Choose at least one model.")


enter_through_app()
st.title("Benchmarks")
st.markdown("See how good the models are on molecules that they never saw, beside GFN2-xTB and ANI.")
tabs(
    "benchmarks_tab",
    {
        "Results": shipped.results,
        "Base pairs": complexes.base_pairs,
        "Reference dimers": complexes.reference_dimers,
        "Measure now": measure_now,
        "Studies": study_views.studies,
    },
)
