"""Free energies of vibration and rotation of conformers by GFN2-xTB, computed in the background."""

from functools import partial

import numpy as np
import streamlit as st

from pages.components.conformers import tasks
from pages.components.conformers.refinement import Refined
from pages.components.shell import background, press
from pages.components.shell.text import sentence
from virialff.conformers.free_energies import FreeEnergyCorrections, corrections_of
from virialff.errors import EngineError
from virialff.methods.runs import LatestResults
from virialff.molecules import keys
from virialff.molecules.molecule import Molecule
from virialff.text import counted

METHOD, NAME = "gfn2", "GFN2-xTB"


@st.cache_resource(show_spinner=False)
def known_waves() -> LatestResults[dict[int, np.ndarray]]:
    """Wave numbers by ensemble and conformer, shared by all sessions."""
    return LatestResults(max_entries=64)


def corrections(refined: Refined, molecule: Molecule, temperature: float) -> FreeEnergyCorrections | None:
    """What vibrations and rotations add to the energies at this temperature; the button to compute it until then."""
    if refined.relaxed_by is None or refined.relaxed_by.name != METHOD:
        st.caption(f"Vibrations can be added to conformers that were relaxed with {NAME}: they need its minima.")
        return None
    place = (keys.geometry_key(molecule),)
    key = f"vibrations_{place[0]}"
    background.show(key)
    waves = known_waves().get(place) or {}
    n, done = molecule.n_conformers, len(waves)
    if done < n:
        if not background.running(key):
            press.button(
                f"Go on with vibrations ({done} of {n})" if done else f"Add vibrations ({NAME})",
                partial(_start, key, place, molecule, frozenset(waves)),
                key="start_vibrations",
                icon=":material/graphic_eq:",
                help="RRHO with damped low modes: harmonic vibrations and rigid rotation. Takes six evaluations of the "
                f"forces an atom for each of {counted(n, 'conformer')}.",
            )
        return None
    try:
        found = corrections_of(molecule, [waves[number] for number in range(n)], molecule.positions, temperature)
    except EngineError as error:
        st.info(sentence(error))
        return None
    imaginary = [str(number) for number, lowest in enumerate(found.lowest, start=1) if lowest < -20.0]
    if imaginary:
        st.warning(f"Not minima of {NAME}, with an imaginary vibration: conformer {', '.join(imaginary[:20])}.")
    return found


def _start(key: str, place: tuple[str], molecule: Molecule, known: frozenset[int]) -> None:
    cache = known_waves()

    def keep(found: tasks.Waves | None) -> None:
        if found is not None:
            cache.put(place, {**(cache.get(place) or {}), found[0]: found[1]})

    bare = keys.bare(molecule).with_positions(molecule.positions)
    background.start(key, tasks.vibrations, bare, METHOD, known, title="Vibrations", keep=keep)
