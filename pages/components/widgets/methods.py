"""The methods that pages compare, and the runs that compute them part by part in the background."""

from dataclasses import dataclass

import numpy as np
import streamlit as st

from pages.components.shell import background
from pages.components.shell.text import plain, sentence
from pages.components.widgets import tasks
from virialff.engines import ENGINES
from virialff.methods.energy_methods import EnergyMethod, dft_method, engine_method, model_method
from virialff.methods.old_runs import EnergyCache, EnergyRun, complete_run
from virialff.models.force_field import ForceField, Model
from virialff.molecules import keys
from virialff.molecules.molecule import Molecule

_CHOSEN = "energy_methods"
_DFT = "dft"
_NAMES = {"gfn2": "GFN2-xTB", "ani": "ANI", _DFT: "wB97X-D/def2-SVP"}
_FAILURES_SHOWN = 5
# Conformers times atoms squared; the model takes a second for so many.
_AT_ONCE = 1_000_000


@dataclass(frozen=True)
class MethodRun:
    """A method and what it has computed of the ensemble."""

    method: EnergyMethod
    run: EnergyRun


def choose_methods(model: Model, force_field: ForceField, molecule: Molecule) -> list[EnergyMethod]:
    """Pills for the methods that can compute this molecule, and a sentence for each that cannot.

    DFT is among them and not chosen, because it takes minutes.
    """
    usable = {"model": model_method(model, force_field)}
    refused: dict[str, str] = {}
    with st.spinner("Looking for the methods…"):
        for name in (*ENGINES, _DFT):
            found = dft_method(molecule) if name == _DFT else engine_method(name, molecule)
            if isinstance(found, str):
                refused[_NAMES[name]] = found
            else:
                usable[name] = found
    chosen = st.pills(
        "Methods",
        list(usable),
        selection_mode="multi",
        default=[name for name, method in usable.items() if method.pace != "slow"],
        format_func=lambda name: usable[name].label,
        key=f"{_CHOSEN}_{'_'.join(usable)}",
        persist_state="session",
    )
    for label, reason in refused.items():
        st.info(sentence(reason), title=f"{label} cannot be used here")
    return [usable[name] for name in usable if name in chosen]


def energies(
    methods: list[EnergyMethod],
    molecule: Molecule,
    positions: np.ndarray,
    *,
    model_at_once: bool = False,
    noun: str = "conformer",
) -> list[MethodRun]:
    """What is known of each method's energies, with the buttons to compute the rest and to stop.

    Results are kept by content (method, molecule, coordinates) for all sessions; a stopped run goes on where it was.
    `model_at_once` computes the model's without being asked. DFT has a button and a worker of its own.
    `noun` is what the pages call one of the geometries.
    """
    job = keys.geometry_key(molecule.with_positions(positions))
    if model_at_once and len(positions) * molecule.n_atoms**2 <= _AT_ONCE:
        for method in methods:
            if method.pace == "instant":
                energy_cache().put(
                    (method.key, job), complete_run(_known(method, job, positions), positions, method.energy)
                )
    slow = [method for method in methods if method.pace == "slow"]
    _controls(f"energies_{job}", [method for method in methods if method.pace != "slow"], job, positions)
    _controls(f"slow_energies_{job}", slow, job, positions)
    runs = [MethodRun(method, _known(method, job, positions)) for method in methods]
    if any(0 < entry.run.n_done < entry.run.n_conformers for entry in runs):
        st.caption(_so_far(runs, noun))
    for entry in runs:
        _show_failures(entry, noun)
    return runs


@st.cache_resource(show_spinner=False)
def energy_cache() -> EnergyCache:
    """Energies by method and content, shared by all sessions."""
    return EnergyCache(max_entries=256)


def _known(method: EnergyMethod, job: str, positions: np.ndarray) -> EnergyRun:
    return energy_cache().get((method.key, job)) or EnergyRun(len(positions), np.empty(0))


def _controls(key: str, methods: list[EnergyMethod], job: str, positions: np.ndarray) -> None:
    """The progress of these methods, or the button to compute what is missing of them."""
    # First, because it draws the whole page again once the work has ended.
    background.show(key)
    runs = [MethodRun(method, _known(method, job, positions)) for method in methods]
    missing = [entry for entry in runs if not entry.run.complete]
    if not missing or background.running(key):
        return
    slow = any(method.pace == "slow" for method in methods)
    started = any(entry.run.n_done for entry in missing)
    what = f"Compute {methods[0].label} (minutes)" if slow else "Compute energies"
    st.button(
        f"Go on with {methods[0].label}" if slow and started else "Go on" if started else what,
        key=f"compute_{key}",
        type="secondary" if slow else "primary",
        icon=":material/play_arrow:",
        on_click=_compute,
        args=(key, missing, job, positions),
        kwargs={"lane": "long" if slow else "short"},
    )


def _compute(
    key: str, missing: list[MethodRun], job: str, positions: np.ndarray, *, lane: background.Lane = "short"
) -> None:
    cache = energy_cache()

    def keep(partial: tasks.PartialEnergies | None) -> None:
        if partial is not None:
            cache.put((partial.key, job), partial.run)

    work = [(entry.method, entry.run) for entry in missing]
    background.start(key, tasks.energies, work, positions, title="Energies", lane=lane, keep=keep)


def _so_far(runs: list[MethodRun], noun: str) -> str:
    parts = [f"{plain(entry.method.label)} {entry.run.n_done} of {entry.run.n_conformers}" for entry in runs]
    return f"Not complete yet. {noun.capitalize()}s with an energy: {', '.join(parts)}."


def _show_failures(entry: MethodRun, noun: str) -> None:
    failures = entry.run.failures
    if not failures:
        return
    lines = [f"- {noun} {number}: {plain(reason)}" for number, reason in list(failures.items())[:_FAILURES_SHOWN]]
    if len(failures) > _FAILURES_SHOWN:
        lines.append(f"- and {len(failures) - _FAILURES_SHOWN} more")
    count = f"{len(failures)} {noun}{'s' if len(failures) > 1 else ''}"
    st.warning("\n".join(lines), title=f"{entry.method.label} gave no energy for {count}")
