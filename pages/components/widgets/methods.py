"""The methods that pages compare, and the runs that compute them part by part in the background."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import cache, partial

import numpy as np
import streamlit as st

from pages.components.shell import background, kept, press
from pages.components.shell.link_values import say_unusable
from pages.components.shell.model import active_folder
from pages.components.shell.state import LINKED, keep_in_link, opened_with
from pages.components.shell.text import listed, plain, sentence
from pages.components.widgets import tasks
from pages.components.widgets.tasks import Chosen
from virialff.engines import DFT_ENGINES, ENGINES
from virialff.engines.dft import LEVEL_OF_THEORY
from virialff.errors import EngineError
from virialff.export.project import Geometries
from virialff.methods.method import first_usable, get_method, plug_in_names, with_forces
from virialff.methods.runs import EnergyCache, MethodEnergies, energies_of
from virialff.models.force_field import Model
from virialff.models.registry import SHIPPED_DEFAULT
from virialff.molecules import keys
from virialff.molecules.molecule import Molecule
from virialff.text import counted

_CHOSEN = "energy_methods"
_DFT = "dft"
_LINK_PART, _NO_METHOD = "methods", "none"
MODEL = "Model"
_NAMES = {"gfn2": "GFN2-xTB", "ani": "ANI", "mmff94": "MMFF94", _DFT: LEVEL_OF_THEORY}
_QUICK = (*ENGINES, "mmff94")
#: What is computed unless one says otherwise.
_TICKED = ("model", *_QUICK)
NOT_RELAXED = "Not"
_RECORDED, _OPENED = "recorded_energies", "opened_geometries"
_PROGRAMS = {"pyscf": "PySCF", "psi4": "Psi4"}
_FAILURES_SHOWN = 5
# Conformers times atoms squared: the model takes a third of a second for so many, GFN2-xTB and ANI some seconds.
_AT_ONCE, _UNASKED = 3_000_000, 40_000

kept.keep(_RECORDED, _OPENED)


def the_model(model: Model) -> Chosen:
    """The active model as a method, under its name unless it is the one that ships as default."""
    label = MODEL if model.name == SHIPPED_DEFAULT else model.name
    return Chosen(active_folder(), label, f"{model.name}, {model.level}", model.sha256, "instant")


def method_for(name: str, molecule: Molecule) -> Chosen | str:
    """A method by its name, "dft" for the DFT program that is here; or the sentence saying why it cannot be used.

    ANI looks for its weights here, which can take a download. No DFT is started.
    """
    method = first_usable(DFT_ENGINES if name == _DFT else (name,), molecule)
    if isinstance(method, str):
        return method
    key = f"{method.name}: {method.level}"
    if name == _DFT:
        return Chosen(method.name, method.level, f"{method.level} ({_PROGRAMS[method.name]})", key, "slow")
    return Chosen(name, getattr(method, "label", method.level), method.level, key)


@cache
def _plug_ins() -> tuple[str, ...]:
    """Names of the methods of other packages, which are looked for on the disk; those there when the app starts."""
    return plug_in_names()


def choose_methods(model: Model, molecule: Molecule) -> list[Chosen]:
    """The bar of methods: pills for those that can compute this molecule, and a sentence for each that cannot.

    DFT is among them and not chosen, because it takes minutes; nor are methods of other packages.
    """
    usable = {"model": the_model(model)}
    refused: dict[str, str] = {}
    with st.spinner("Looking for the methods…"):
        for name in (*_QUICK, *_plug_ins(), _DFT):
            found = method_for(name, molecule)
            if isinstance(found, str):
                refused[_NAMES.get(name, name)] = found
            else:
                usable[name] = found
    key = f"{_CHOSEN}_{'_'.join(usable)}"
    default = [name for name in usable if name in _TICKED]
    if (linked := opened_with(_LINK_PART)) is not None:
        asked = [name for name in linked.split(",") if name != _NO_METHOD]
        st.session_state[key] = [name for name in usable if name in asked]
        if len(st.session_state[key]) < len(asked):
            say_unusable(_LINK_PART, ": not all that it names are methods that can compute this here")
    chosen = st.pills(
        "Methods",
        list(usable),
        selection_mode="multi",
        default=default,
        format_func=lambda name: usable[name].label,
        key=key,
        persist_state="session",
    )
    keep_in_link(_LINK_PART, "" if set(chosen) == set(default) else ",".join(chosen) or _NO_METHOD)
    if refused:
        with st.popover("Why not others", icon=":material/info:", type="tertiary"):
            for label, reason in refused.items():
                st.info(sentence(reason), title=f"{label} cannot be used here")
    return [usable[name] for name in usable if name in chosen]


def choose_relaxer(key: str, label: str, model: Model, molecule: Molecule) -> Chosen | None:
    """The method to relax with, of those that give forces and take no minutes; None for none or one that cannot."""
    names = {MODEL: "", **{_NAMES[name]: name for name in _QUICK}}
    names |= {name: name for name in _plug_ins() if _gives_forces(name)}
    how = st.segmented_control(label, [NOT_RELAXED, *names], default=NOT_RELAXED, required=True, key=key, **LINKED)
    if how == NOT_RELAXED:
        return None
    method = the_model(model) if how == MODEL else method_for(names[how], molecule)
    if isinstance(method, str):
        st.info(sentence(method), title=f"{how} cannot be used here")
        return None
    return method


def _gives_forces(name: str) -> bool:
    try:
        with_forces(get_method(name))
    except EngineError:
        return False
    return True


def energies(
    methods: list[Chosen],
    ensemble: Molecule,
    *,
    at_once: Model | None = None,
    noun: str = "conformer",
    taken_from: tuple[Molecule, np.ndarray] | None = None,
    source: str = "",
    unasked: bool = False,
) -> list[MethodEnergies]:
    """What is known of each method's energies, with the buttons to compute the rest and to stop.

    Results are kept by content (method, molecule, coordinates) for all sessions; a stopped run goes on where it was.
    `at_once`: the model, to compute its energies without being asked; `unasked`: in the background those of the others
    too where they take seconds. DFT has a button and a worker of its own.
    `noun` is what the pages call one of the geometries. `taken_from` names a larger ensemble and the indices of these
    conformers in it, whose energies may be known. `source` says in a project file what the geometries are. A method
    that has computed nothing is left out.
    """
    job = keys.geometry_key(ensemble)
    if taken_from is not None:
        _take_over(methods, job, *taken_from)
    if at_once is not None and ensemble.n_conformers * ensemble.n_atoms**2 <= _AT_ONCE:
        for method in methods:
            if method.pace == "instant" and _known(method, job, ensemble).n_left:
                energy_cache().put((method.key, job), energies_of(at_once, ensemble))
    slow = [method for method in methods if method.pace == "slow"]
    quick = [method for method in methods if method.pace != "slow"]
    _controls(f"energies_{job}", quick, job, ensemble, unasked=unasked and is_cheap(ensemble))
    _controls(f"slow_energies_{job}", slow, job, ensemble)
    runs = [_known(method, job, ensemble) for method in methods]
    _record(ensemble, source, {method.key: run for method, run in zip(methods, runs, strict=True) if run.n_done})
    if any(0 < run.n_left < len(run.values) for run in runs):
        st.caption(_so_far(runs, noun))
    for run in runs:
        _show_failures(run, noun)
    return [run for run in runs if run.n_done]


def is_cheap(ensemble: Molecule, times: int = 1) -> bool:
    """Whether the quick methods take no more than seconds for so many times these geometries."""
    return times * ensemble.n_conformers * ensemble.n_atoms**2 <= _UNASKED


@st.cache_resource(show_spinner=False)
def energy_cache() -> EnergyCache:
    """Energies by method and content, shared by all sessions."""
    return EnergyCache(max_entries=256)


def remember(method: Chosen, ensemble: Molecule, run: MethodEnergies) -> None:
    """Keep energies that came on another way, such as those of a relaxation at its end."""
    energy_cache().put((method.key, keys.geometry_key(ensemble)), run)


def keeper() -> Callable[[object], None]:
    """Keeps the energies that work in the background reports; for `background.start`."""
    cache = energy_cache()

    def keep(partial: object) -> None:
        if isinstance(partial, tasks.PartialEnergies) and partial.geometries:
            cache.put((partial.key, partial.geometries), partial.run)

    return keep


def _take_over(methods: list[Chosen], job: str, whole: Molecule, indices: np.ndarray) -> None:
    """Energies of some conformers of an ensemble, where those of all are known."""
    cache, place = energy_cache(), keys.geometry_key(whole)
    for method in methods:
        run = cache.get((method.key, place))
        if run is not None and not run.n_left and cache.get((method.key, job)) is None:
            cache.put((method.key, job), run.of(indices))


def saved(molecule: Molecule) -> list[Geometries]:
    """What this session computed of a structure, for a project file."""
    return [each for each in _recorded(molecule).values() if each.energies]


def take_back(molecule: Molecule, geometries: Sequence[Geometries]) -> None:
    """Let this session have the energies of a project file; not others, who need not believe it."""
    opened: dict[str, list[Geometries]] = st.session_state.setdefault(_OPENED, {})
    opened[keys.structure_key(molecule)] = [each for each in geometries if each.energies]
    for each in opened[keys.structure_key(molecule)]:
        _recorded(molecule)[keys.geometry_key(molecule.with_positions(each.positions))] = each


def opened_geometries(molecule: Molecule) -> list[Geometries]:
    """Geometries of a structure with energies, from the project file that this session opened."""
    opened: dict[str, list[Geometries]] = st.session_state.get(_OPENED, {})
    return opened.get(keys.structure_key(molecule), [])


def _record(ensemble: Molecule, source: str, runs: dict[str, MethodEnergies]) -> None:
    if not runs:
        return
    record = _recorded(ensemble).setdefault(keys.geometry_key(ensemble), Geometries(source, ensemble.positions))
    record.energies.update(runs)


def _recorded(molecule: Molecule) -> dict[str, Geometries]:
    """Geometries of a structure with the energies that this session has of them, by their key."""
    store: dict[str, dict[str, Geometries]] = st.session_state.setdefault(_RECORDED, {})
    return store.setdefault(keys.structure_key(molecule), {})


def _known(method: Chosen, job: str, ensemble: Molecule) -> MethodEnergies:
    run = energy_cache().get((method.key, job))
    if run is None and (recorded := _recorded(ensemble).get(job)) is not None:
        # Of a project file whole ones alone: what goes on with a part of them would come to others too.
        known = recorded.energies.get(method.key)
        run = known if known is not None and not known.n_left else None
    if run is None:
        n = ensemble.n_conformers
        run = MethodEnergies(method.label, method.level, np.full(n, np.nan), n_left=n)
    return replace(run, name=method.label, level=method.level)


def _controls(key: str, methods: list[Chosen], job: str, ensemble: Molecule, *, unasked: bool = False) -> None:
    """The progress of these methods, or the button to compute what is missing of them.

    `unasked`: each is begun by itself, once, unless this work was stopped.
    """
    # First, because it draws the whole page again once the work has ended.
    background.show(key)
    missing = [(method, run) for method in methods if (run := _known(method, job, ensemble)).n_left]
    if not missing or background.running(key):
        return
    new = [method for method, _ in missing if background.is_first_time(f"{method.key}_{job}")]
    if unasked and new and not background.was_stopped(key):
        _compute(key, missing, job, ensemble)
        background.show(key)
        return
    slow = any(method.pace == "slow" for method in methods)
    started = any(run.n_done for _, run in missing)
    what = f"Compute {methods[0].label} (minutes)" if slow else "Compute energies"
    press.button(
        f"Go on with {methods[0].label}" if slow and started else "Go on" if started else what,
        partial(_compute, key, missing, job, ensemble, lane="long" if slow else "short"),
        key="compute_slow_energies" if slow else "compute_energies",
        type="secondary" if slow else "primary",
        icon=":material/play_arrow:",
    )


def _compute(
    key: str,
    missing: list[tuple[Chosen, MethodEnergies]],
    job: str,
    ensemble: Molecule,
    *,
    lane: background.Lane = "short",
) -> None:
    cache = energy_cache()

    def keep(partial: tasks.PartialEnergies | None) -> None:
        if partial is not None:
            cache.put((partial.key, job), partial.run)

    bare = keys.bare(ensemble).with_positions(ensemble.positions)
    background.start(key, tasks.energies, missing, bare, title="Energies", lane=lane, keep=keep)


def _so_far(runs: list[MethodEnergies], noun: str) -> str:
    parts = [f"{plain(run.name)} {run.n_done} of {len(run.values)}" for run in runs]
    return f"Not complete yet. {noun.capitalize()}s with an energy: {', '.join(parts)}."


def _show_failures(run: MethodEnergies, noun: str) -> None:
    failures = run.failures
    if not failures:
        return
    lines = [f"{noun} {number}: {plain(reason)}" for number, reason in failures.items()]
    st.warning(listed(lines, _FAILURES_SHOWN), title=f"{run.name} gave no energy for {counted(len(failures), noun)}")
