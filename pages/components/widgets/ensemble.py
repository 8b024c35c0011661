"""The conformers that pages compare: as given with the molecule, generated, or an ensemble of one's own."""

from dataclasses import dataclass

import numpy as np
import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from pages.components.shell import background, kept, press
from pages.components.shell.state import KEPT, LINKED, Loaded
from pages.components.shell.text import listed, one_line, plain, sentence
from pages.components.widgets import tasks
from pages.components.widgets.methods import opened_geometries
from virialff.conformers.crest import CrestEnsemble
from virialff.conformers.generation import ConformerSearch
from virialff.errors import VirialffError
from virialff.export.project import Geometries
from virialff.molecules import keys
from virialff.molecules.molecule import Molecule
from virialff.text import counted

MOST_CONFORMERS = 200
_SOURCE = "ensemble_source"
_OWN, _GENERATED, _UPLOADED, _PROJECT = "As given", "Generated", "Ensemble file", "Project"
_UPLOADER = "ensemble_uploader"
_FILE = "ensemble_file"
_FILE_ERROR = "ensemble_file_error"
_SEEN = "ensemble_files_seen"
_REFUSED_SHOWN = 5

kept.keep(_FILE)


@dataclass(frozen=True)
class Ensemble:
    """Positions (n_conformers, n_atoms, 3) in A of the current molecule and a sentence about where they are from."""

    positions: np.ndarray
    source: str


def choose_ensemble(loaded: Loaded) -> Ensemble | None:
    """The widgets to take the conformers as given or to generate some; None while there are none."""
    molecule = loaded.molecule
    own = None
    if molecule.n_conformers:
        count = counted(molecule.n_conformers, "conformer")
        own = Ensemble(molecule.positions, f"{count} as given ({loaded.origin}); coordinates and order are unchanged")
    # What the molecule has itself is there already.
    opened = [each for each in opened_geometries(molecule) if not np.array_equal(each.positions, molecule.positions)]
    choices = [*([_OWN] if own is not None else []), _GENERATED, _UPLOADED, *([_PROJECT] if opened else [])]
    row = st.container(horizontal=True, vertical_alignment="bottom")
    choice = row.segmented_control(
        "Conformers", choices, default=choices[0], required=True, key=f"{_SOURCE}_{len(choices)}", **KEPT
    )
    if choice == _OWN:
        ensemble = own
    elif choice == _UPLOADED:
        ensemble = _uploaded(molecule)
    elif choice == _PROJECT:
        ensemble = _opened(opened)
    else:
        ensemble = _generator(molecule, row)
    if ensemble is not None:
        st.caption(plain(ensemble.source[:1].upper() + ensemble.source[1:]) + ".")
    return ensemble


def _opened(opened: list[Geometries]) -> Ensemble:
    number = st.selectbox(
        "Geometries of the project",
        range(len(opened)),
        format_func=lambda index: f"{index + 1}: {one_line(opened[index].source, limit=100)}",
        key="project_ensemble",
        disabled=len(opened) == 1,
    )
    return Ensemble(opened[number].positions, f"{opened[number].source}, from the project file")


def _generator(molecule: Molecule, row: DeltaGenerator) -> Ensemble | None:
    """Conformers that are generated; once they are there, how is a menu in the `row`, and the results stand higher."""
    if molecule.n_fragments > 1:
        st.info(
            "Conformers cannot be made up for a complex, because nothing says how its molecules lie to each other: "
            "upload a file with its coordinates.",
            title="A complex needs coordinates",
        )
        return None
    key = f"conformers_{keys.structure_key(molecule)}"
    place = st.container()
    found = background.show(key)
    if found is not None:
        place = row.popover("Generate others", icon=":material/scatter_plot:", width="content")
    with place.container(horizontal=True, vertical_alignment="bottom"):
        count = st.number_input(
            "Number of conformers", 1, MOST_CONFORMERS, 20, key="ensemble_count", width=180, **LINKED
        )
        seed = st.number_input("Random seed", 0, 2**31 - 1, 1, key="ensemble_seed", width=180, **LINKED)
        relax = st.toggle("Relax with MMFF94s", value=True, key="ensemble_relax", **LINKED)
        work = (tasks.generate, keys.bare(molecule), int(count), int(seed), relax)
        press.button(
            "Generate",
            lambda: background.start(key, *work, title="Generating conformers"),
            icon=":material/scatter_plot:",
        )
    return None if found is None else _described(*found)


def _described(found: ConformerSearch, seed: int) -> Ensemble:
    n = found.molecule.n_conformers
    relaxed = f"relaxed with {found.force_field}" if found.force_field else "as embedded, not relaxed"
    source = (
        f"{counted(n, 'distinct conformer')} from {counted(found.n_embedded, 'ETKDG geometry', 'ETKDG geometries')}"
    )
    return Ensemble(found.molecule.positions, f"{source} (seed {seed}), {relaxed}")


@dataclass(frozen=True)
class _File:
    """An ensemble that was read, and the structure that it belongs to."""

    structure: str
    name: str
    found: CrestEnsemble


def _uploaded(molecule: Molecule) -> Ensemble | None:
    st.file_uploader(
        "Ensemble of this molecule: XYZ or SDF, or a folder of CREST or CENSO as .zip or as several files",
        type=["xyz", "sdf", "zip"],
        accept_multiple_files=True,
        key=_UPLOADER,
        on_change=_take_file,
        args=(molecule,),
        help="Atoms in the molecule's order. Geometries with other bonds or another configuration are left out. Of a "
        "folder, crest_conformers.xyz or the last part of CENSO is read.",
    )
    if _FILE_ERROR in st.session_state:
        st.error(sentence(st.session_state[_FILE_ERROR]), title="This ensemble cannot be used")
    file: _File | None = st.session_state.get(_FILE)
    if file is None or file.structure != keys.structure_key(molecule):
        return None
    refused = file.found.refused
    if refused:
        title = f"{counted(len(refused), 'geometry is', 'geometries are')} left out"
        st.warning(listed([plain(reason) for reason in refused], _REFUSED_SHOWN), title=title)
    n = file.found.molecule.n_conformers
    source = f"{counted(n, 'conformer')} from the file {one_line(file.name, limit=60)}"
    if file.found.relative:
        source += f", with relative energies by {', '.join(one_line(name, limit=40) for name in file.found.relative)}"
    return Ensemble(file.found.molecule.positions, source)


def _take_file(molecule: Molecule) -> None:
    files = st.session_state[_UPLOADER]
    st.session_state.pop(_FILE_ERROR, None)
    # What is given later takes the place of what was given before, which the uploader still lists.
    seen = st.session_state.get(_SEEN, frozenset())
    st.session_state[_SEEN] = frozenset(file.file_id for file in files)
    files = [file for file in files if file.file_id not in seen] or files
    if not files:
        return
    st.session_state.pop(_FILE, None)
    given = {file.name: file.getvalue() for file in files}
    try:
        name, found = background.read(tasks.read_ensemble_files, given, molecule)
    except VirialffError as error:
        what = f"the file {files[0].name}" if len(files) == 1 else counted(len(files), "file")
        st.session_state[_FILE_ERROR] = f"{what}: {error}"
    else:
        st.session_state[_FILE] = _File(keys.structure_key(molecule), name, found)
