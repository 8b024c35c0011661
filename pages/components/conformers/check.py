"""Whether minima of another method are minima of GFN2-xTB too: relaxed on from there, how far each conformer goes."""

import numpy as np
import streamlit as st

from pages.components.conformers.refinement import Refined
from pages.components.shell import background, press
from pages.components.shell.text import listed, plain
from pages.components.widgets import tasks
from pages.components.widgets.methods import keeper, method_for
from virialff.conformers.ensembles import displacements
from virialff.conformers.relax import Relaxation
from virialff.molecules import keys
from virialff.molecules.molecule import Molecule
from virialff.text import counted

_METHOD, NAME = "gfn2", "GFN2-xTB"
_CHANGES_SHOWN = 5


def distances(refined: Refined, molecule: Molecule) -> np.ndarray | None:
    """RMSD (n_conformers,), Angstrom, from each conformer to the minimum of GFN2-xTB that it falls into.

    None where nothing was relaxed, or by GFN2-xTB itself, and until it was computed; then the button for it is shown.
    """
    if refined.relaxed_by is None or refined.relaxed_by.name == _METHOD:
        return None
    method = method_for(_METHOD, molecule)
    if isinstance(method, str):
        return None
    place = keys.geometry_key(molecule)
    key = f"check_{method.key}_{place}"
    found: Relaxation | None = background.show(key)
    if found is None:
        if not background.running(key):
            work = (tasks.relax, keys.bare(molecule), method.name, molecule.positions, method.key)
            press.button(
                f"Check with {NAME}",
                lambda: background.start(key, *work, title=f"Relaxing on with {NAME}", keep=keeper()),
                icon=":material/fact_check:",
                help=f"Relaxes {counted(molecule.n_conformers, 'conformer')} on with {NAME}: how far does each go?",
            )
        return None
    changes = [f"conformer {k}: {what}" for k, one in enumerate(found.conformers, start=1) for what in one.changes]
    if changes:
        lines = [plain(change) for change in changes]
        st.warning(
            listed(lines, _CHANGES_SHOWN), title=f"On the way to minima of {NAME} bonds or configuration changed"
        )
    return _distances(key, molecule, found)


@st.cache_data(show_spinner=False, max_entries=64)
def _distances(key: str, _molecule: Molecule, _found: Relaxation) -> np.ndarray:
    return displacements(_molecule, _molecule.positions, _found.molecule.positions)
