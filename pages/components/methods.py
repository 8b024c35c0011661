"""The methods that the page Energies compares, and the run that computes them part by part."""

from dataclasses import dataclass

import numpy as np
import streamlit as st

from pages.components import background, tasks
from pages.components.text import plain, sentence
from virialff import content
from virialff.energy_methods import EnergyMethod, engine_method, model_method
from virialff.energy_runs import EnergyCache, EnergyRun
from virialff.engines import ENGINES
from virialff.forcefield import ForceField, Model
from virialff.molecule import Molecule

_CHOSEN = "energy_methods"
_NAMES = {"gfn2": "GFN2-xTB", "ani": "ANI"}
_FAILURES_SHOWN = 5


@dataclass(frozen=True)
class MethodRun:
    """A method and what it has computed of the ensemble."""

    method: EnergyMethod
    run: EnergyRun


def choose_methods(model: Model, force_field: ForceField, molecule: Molecule) -> list[EnergyMethod]:
    """Pills for the methods that can compute this molecule, and a sentence for each that cannot."""
    usable = {"model": model_method(model, force_field)}
    refused: dict[str, str] = {}
    with st.spinner("Looking for the methods…"):
        for name in ENGINES:
            found = engine_method(name, molecule)
            if isinstance(found, str):
                refused[_NAMES[name]] = found
            else:
                usable[name] = found
    chosen = st.pills(
        "Methods",
        list(usable),
        selection_mode="multi",
        default=list(usable),
        format_func=lambda name: usable[name].label,
        key=f"{_CHOSEN}_{'_'.join(usable)}",
    )
    for label, reason in refused.items():
        st.info(sentence(reason), title=f"{label} cannot be used here")
    return [usable[name] for name in usable if name in chosen]


def energies(methods: list[EnergyMethod], molecule: Molecule, positions: np.ndarray) -> list[MethodRun]:
    """What is known of each method's energies, with the buttons to compute the rest and to stop.

    Results are kept by content (method, molecule, coordinates) for all sessions; a stopped run goes on where it was.
    """
    job = content.geometry_key(molecule.with_positions(positions))
    empty = EnergyRun(len(positions), np.empty(0))
    key = f"energies_{job}"
    if background.running(key):
        background.show(key)
    runs = [MethodRun(method, energy_cache().get((method.key, job)) or empty) for method in methods]
    missing = [entry for entry in runs if not entry.run.complete]
    if missing and not background.running(key):
        background.show(key)
        started = any(entry.run.n_done for entry in missing)
        st.button(
            "Go on" if started else "Compute energies",
            type="primary",
            icon=":material/play_arrow:",
            on_click=_compute,
            args=(key, missing, job, positions),
        )
        if started:
            st.caption(_so_far(runs))
    for entry in runs:
        _show_failures(entry)
    return runs


@st.cache_resource(show_spinner=False)
def energy_cache() -> EnergyCache:
    """Energies by method and content, shared by all sessions."""
    return EnergyCache(max_entries=256)


def _compute(key: str, missing: list[MethodRun], job: str, positions: np.ndarray) -> None:
    cache = energy_cache()

    def keep(partial: tasks.PartialEnergies | None) -> None:
        if partial is not None:
            cache.put((partial.key, job), partial.run)

    work = [(entry.method, entry.run) for entry in missing]
    background.start(key, tasks.energies, work, positions, title="Energies", keep=keep)


def _so_far(runs: list[MethodRun]) -> str:
    parts = [f"{plain(entry.method.label)} {entry.run.n_done} of {entry.run.n_conformers}" for entry in runs]
    return f"Not complete yet. Conformers with an energy: {', '.join(parts)}."


def _show_failures(entry: MethodRun) -> None:
    failures = entry.run.failures
    if not failures:
        return
    lines = [f"- conformer {number}: {plain(reason)}" for number, reason in list(failures.items())[:_FAILURES_SHOWN]]
    if len(failures) > _FAILURES_SHOWN:
        lines.append(f"- and {len(failures) - _FAILURES_SHOWN} more")
    count = f"{len(failures)} conformer{'s' if len(failures) > 1 else ''}"
    st.warning("\n".join(lines), title=f"{entry.method.label} gave no energy for {count}")
