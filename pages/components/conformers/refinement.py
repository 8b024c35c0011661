"""What page Conformers does to an ensemble before it is ranked: relax it, leave out repeats and high conformers."""

from dataclasses import dataclass, replace

import numpy as np
import streamlit as st

from pages.components.shell import background, press
from pages.components.shell.state import LINKED
from pages.components.shell.text import listed, plain
from pages.components.widgets import tasks
from pages.components.widgets.ensemble import Ensemble
from pages.components.widgets.methods import choose_relaxer, keeper
from pages.components.widgets.tasks import Chosen
from virialff.conformers.ensembles import RMSD_TOLERANCE, Pruning, displacements
from virialff.conformers.relax import FORCE_TOLERANCE, Relaxation
from virialff.models.force_field import ForceField, Model
from virialff.molecules import keys
from virialff.molecules.molecule import Molecule
from virialff.text import counted

_WINDOW = 15.0
_CHANGES_SHOWN = 10


@dataclass(frozen=True)
class Refined:
    """Conformers to rank, which are some of a whole ensemble that was relaxed or taken as it is."""

    whole: Molecule
    #: (n_conformers,) of the conformers in it, from 0.
    indices: np.ndarray
    #: (n_whole,) kcal/mol, by which repeats and high conformers are left out; None for those of the model.
    energies: np.ndarray | None = None
    energies_of: str = "the model"
    #: What relaxed the ensemble, and the geometries (n_whole, n_atoms, 3), Angstrom, before.
    relaxed_by: Chosen | None = None
    before: np.ndarray | None = None

    @property
    def molecule(self) -> Molecule:
        """With the conformers to rank."""
        return self.whole.with_positions(self.whole.positions[self.indices])

    @property
    def start(self) -> np.ndarray | None:
        """The geometries of these conformers before they were relaxed, None where they were not."""
        return None if self.before is None else self.before[self.indices]


def refine(chosen: Ensemble, molecule: Molecule, model: Model, force_field: ForceField) -> Refined:
    """The widgets to relax and prune an ensemble, and what comes of it."""
    return _prune(_relax(chosen, molecule, model), force_field)


def _relax(chosen: Ensemble, molecule: Molecule, model: Model) -> Refined:
    whole = molecule.with_positions(chosen.positions)
    n = len(chosen.positions)
    with st.container(horizontal=True, vertical_alignment="bottom"):
        method = choose_relaxer("relax_with", "Relax with", model, molecule)
        place = st.container(width="content")
    as_they_are = Refined(whole, np.arange(n))
    if method is None:
        return as_they_are
    key = f"relax_{method.key}_{keys.geometry_key(whole)}"
    result: Relaxation | None = background.show(key)
    if result is None:
        if not background.running(key):
            work = (tasks.relax, keys.bare(molecule), method.name, chosen.positions, method.key)
            with place:
                press.button(
                    f"Relax {counted(n, 'conformer')}",
                    lambda: background.start(key, *work, title="Relaxing", keep=keeper()),
                    key="relax_conformers",
                    icon=":material/south:",
                    type="primary",
                )
        st.caption("Until then the conformers below are not relaxed.")
        return as_they_are
    return _outcome(result, method, as_they_are)


def _outcome(result: Relaxation, method: Chosen, as_they_are: Refined) -> Refined:
    rows = [
        {"conformer": number, "what changed": change}
        for number, conformer in enumerate(result.conformers, start=1)
        for change in conformer.changes
    ]
    unfinished = [number for number, conformer in enumerate(result.conformers, start=1) if not conformer.converged]
    n = len(result.conformers)
    kept = list(range(n))
    st.caption(
        f"{counted(n, 'conformer')} relaxed with {plain(method.label)} until no force exceeds {FORCE_TOLERANCE} "
        f"kcal/mol/Å.{'' if rows else ' No bond and no configuration changed.'}"
    )
    if unfinished:
        numbers = ", ".join(str(number) for number in unfinished[:20])
        st.warning(f"Not at a minimum after the most steps allowed: conformer {numbers}.")
    if rows:
        changed = {row["conformer"] for row in rows}
        count = counted(len(changed), "conformer")
        lines = [f"conformer {row['conformer']}: {plain(str(row['what changed']))}" for row in rows]
        st.warning(listed(lines, _CHANGES_SHOWN), title=f"The relaxation changed bonds or configuration of {count}")
        if not st.toggle("Rank these too", key="keep_changed", **LINKED):
            kept = [index for index in kept if index + 1 not in changed]
        if not kept:
            st.error("The conformers below are as they were before.", title="No relaxed conformer is left")
            return as_they_are
        if len(kept) < n:
            st.caption(f"These are left out; the other {len(kept)} are numbered anew.")
    energies = np.array([conformer.energy for conformer in result.conformers])
    whole = as_they_are.whole.with_positions(result.molecule.positions)
    return Refined(whole, np.array(kept), energies, method.label, method, as_they_are.whole.positions)


def _prune(refined: Refined, force_field: ForceField) -> Refined:
    n = len(refined.indices)
    if n < 2:
        return refined
    with st.container(horizontal=True, vertical_alignment="bottom"):
        wanted = st.toggle("Leave out repeats and high conformers", key="prune", **LINKED)
        if not wanted:
            return refined
        rmsd = st.number_input(
            "Repeats within (Å RMSD)", 0.0, 5.0, RMSD_TOLERANCE, 0.05, key="prune_rmsd", width=170, **LINKED
        )
        window = st.number_input("Up to (kcal/mol)", 0.0, 1000.0, _WINDOW, 1.0, key="prune_window", width=150, **LINKED)
    ensemble = refined.molecule
    key = f"prune_{rmsd:g}_{window:g}_{refined.energies_of}_{keys.geometry_key(ensemble)}"

    def prune() -> None:
        bare = keys.bare(ensemble).with_positions(ensemble.positions)
        whole = refined.energies
        energies = force_field.energy(ensemble.positions) if whole is None else whole[refined.indices]
        background.start(key, tasks.prune, bare, energies, rmsd, window, title="Leaving out repeats")

    background.begin(key, "Leave out repeats", prune)
    pruning: Pruning | None = background.show(key)
    if pruning is None:
        return refined
    st.caption(
        f"{len(pruning.kept)} of {counted(n, 'conformer')} kept, numbered anew from the lowest energy by "
        f"{plain(refined.energies_of)}; {pruning.repeats} repeats and {pruning.above_window} above the window left "
        "out. RMSD over all atoms but the hydrogens of carbon atoms."
    )
    return replace(refined, indices=refined.indices[pruning.kept])


def moved(refined: Refined) -> np.ndarray | None:
    """How far each conformer moved when it was relaxed, (n_conformers,), Angstrom; None where it was not."""
    if refined.start is None:
        return None
    key = f"{keys.geometry_key(refined.molecule)}_{keys.geometry_key(refined.molecule.with_positions(refined.start))}"
    return _moved(key, refined.molecule, refined.start)


@st.cache_data(show_spinner=False, max_entries=64)
def _moved(key: str, _molecule: Molecule, _start: np.ndarray) -> np.ndarray:
    return displacements(_molecule, _start, _molecule.positions)
