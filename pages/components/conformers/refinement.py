"""What page Conformers does to an ensemble before it is ranked: relax it, leave out repeats and high conformers."""

from dataclasses import dataclass

import numpy as np
import streamlit as st

from pages.components.shell import background
from pages.components.shell.state import LINKED
from pages.components.shell.text import plain, sentence
from pages.components.widgets import tasks
from pages.components.widgets.ensemble import Ensemble
from pages.components.widgets.methods import method_for, the_model
from virialff.conformers.ensembles import RMSD_TOLERANCE, Pruning
from virialff.conformers.relax import FORCE_TOLERANCE, Relaxation
from virialff.models.force_field import ForceField, Model
from virialff.molecules import keys
from virialff.molecules.molecule import Molecule
from virialff.text import counted

_NOT, _MODEL = "Not", "Model"
_METHODS = {"GFN2-xTB": "gfn2", _MODEL: "", "ANI": "ani"}
_WINDOW = 15.0
_CHANGES_SHOWN = 10


@dataclass(frozen=True)
class Refined:
    """Positions (n_conformers, n_atoms, 3) in A and energies (n_conformers,) in kcal/mol to prune by."""

    positions: np.ndarray
    energies: np.ndarray
    energies_of: str


def refine(chosen: Ensemble, molecule: Molecule, model: Model, force_field: ForceField) -> np.ndarray:
    """The widgets to relax and prune; the positions (n_conformers, n_atoms, 3) in A to rank."""
    refined = _relax(chosen, molecule, model, force_field)
    return _prune(refined, molecule)


def _relax(chosen: Ensemble, molecule: Molecule, model: Model, force_field: ForceField) -> Refined:
    as_they_are = Refined(chosen.positions, np.asarray(force_field.energy(chosen.positions)), "the model")
    with st.container(horizontal=True, vertical_alignment="bottom"):
        how = st.segmented_control(
            "Relax with", [_NOT, *_METHODS], default=_NOT, required=True, key="relax_with", **LINKED
        )
        place = st.container(width="content")
    if how == _NOT:
        return as_they_are
    method = the_model(model) if how == _MODEL else method_for(_METHODS[how], molecule)
    if isinstance(method, str):
        st.info(sentence(method), title=f"{how} cannot be used here")
        return as_they_are
    bare = keys.bare(molecule)
    key = f"relax_{method.key}_{keys.geometry_key(molecule.with_positions(chosen.positions))}"
    result: Relaxation | None = background.show(key)
    if result is None:
        if not background.running(key):
            n = len(chosen.positions)
            place.button(
                f"Relax {counted(n, 'conformer')}",
                icon=":material/south:",
                on_click=background.start,
                args=(key, tasks.relax, bare, method.name, chosen.positions),
                kwargs={"title": "Relaxing"},
            )
        st.caption("Until then the conformers below are not relaxed.")
        return as_they_are
    return _outcome(result, how, as_they_are)


def _outcome(result: Relaxation, how: str, as_they_are: Refined) -> Refined:
    rows = [
        {"conformer": number, "what changed": change}
        for number, conformer in enumerate(result.conformers, start=1)
        for change in conformer.changes
    ]
    unfinished = [number for number, conformer in enumerate(result.conformers, start=1) if not conformer.converged]
    n = len(result.conformers)
    kept = list(range(n))
    st.caption(f"{counted(n, 'conformer')} relaxed with {how} until no force exceeds {FORCE_TOLERANCE} kcal/mol/Å.")
    if unfinished:
        numbers = ", ".join(str(number) for number in unfinished[:20])
        st.warning(f"Not at a minimum after the most steps allowed: conformer {numbers}.")
    if rows:
        changed = {row["conformer"] for row in rows}
        count = counted(len(changed), "conformer")
        lines = [f"- conformer {row['conformer']}: {plain(str(row['what changed']))}" for row in rows[:_CHANGES_SHOWN]]
        if len(rows) > _CHANGES_SHOWN:
            lines.append(f"- and {len(rows) - _CHANGES_SHOWN} more")
        st.warning("\n".join(lines), title=f"The relaxation changed bonds or configuration of {count}")
        if not st.toggle("Rank these too", key="keep_changed", **LINKED):
            kept = [index for index in kept if index + 1 not in changed]
        if not kept:
            st.error("The conformers below are as they were before.", title="No relaxed conformer is left")
            return as_they_are
        if len(kept) < n:
            st.caption(f"These are left out; the other {len(kept)} are numbered anew.")
    else:
        st.caption("No bond and no configuration changed.")
    energies = np.array([conformer.energy for conformer in result.conformers])
    return Refined(result.molecule.positions[kept], energies[kept], how)


def _prune(refined: Refined, molecule: Molecule) -> np.ndarray:
    if len(refined.positions) < 2:
        return refined.positions
    with st.container(horizontal=True, vertical_alignment="bottom"):
        wanted = st.toggle("Leave out repeats and high conformers", key="prune", **LINKED)
        if not wanted:
            return refined.positions
        rmsd = st.number_input(
            "Repeats within (Å RMSD)", 0.0, 5.0, RMSD_TOLERANCE, 0.05, key="prune_rmsd", width=190, **LINKED
        )
        window = st.number_input("Up to (kcal/mol)", 0.0, 1000.0, _WINDOW, 1.0, key="prune_window", width=170, **LINKED)
    ensemble = molecule.with_positions(refined.positions)
    key = f"prune_{rmsd:g}_{window:g}_{refined.energies_of}_{keys.geometry_key(ensemble)}"
    if not background.known(key):
        bare = keys.bare(molecule).with_positions(refined.positions)
        background.start(key, tasks.prune, bare, refined.energies, rmsd, window, title="Leaving out repeats")
    pruning: Pruning | None = background.show(key)
    if pruning is None:
        return refined.positions
    n = len(pruning.kept)
    st.caption(
        f"{n} of {counted(len(refined.positions), 'conformer')} kept, numbered anew from the lowest energy by "
        f"{refined.energies_of}; {pruning.repeats} repeats and {pruning.above_window} above the window left out. "
        "RMSD over all atoms but the hydrogens of carbon atoms."
    )
    kept: np.ndarray = refined.positions[pruning.kept]
    return kept
