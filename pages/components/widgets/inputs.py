"""Ways to give a molecule: one line for SMILES, InChI or the name of an example; file, editor and gallery below it."""

from dataclasses import dataclass

import streamlit as st
from streamlit.runtime.uploaded_file_manager import UploadedFile
from streamlit_ketcher import st_ketcher

from pages.components.shell import background, kept, state
from pages.components.shell.state import KEPT
from pages.components.shell.text import listed, one_line, plain, sentence
from pages.components.widgets import tasks
from pages.components.widgets.viewer import page_theme
from virialff.errors import VirialffError
from virialff.figures.depiction import structure_drawing
from virialff.io.drawing import drawing_of, molecule_from_drawing
from virialff.io.examples import Example, examples
from virialff.io.identifier import example_named, molecule_from_text
from virialff.io.uploads import MAX_RECORDS, Upload
from virialff.molecules import keys
from virialff.molecules.molecule import Molecule
from virialff.text import counted

UPLOAD_TYPES = ["sdf", "mol", "xyz", "pdb", "smi", "smiles", "csv"]
_FILE, _DRAW, _EXAMPLES = "File", "Draw", "Examples"
_ICONS = {_FILE: "upload_file", _DRAW: "draw", _EXAMPLES: "apps"}
_EDITOR_HEIGHT = 420
_ERRORS_SHOWN = 20
_OLDER = "The results below are still those of the molecule before."

# Keys in the session state. Drafts and errors outlive a change of page; a text that was typed is never lost.
_WAY = "input_way"
_CLOSE = "input_close"
_EDITOR = "editor"
_DRAW_ERROR = "draw_error"
_TEXT_ERROR = "smiles_error"
_UPLOADER = "uploader"
_ADD_HYDROGENS = "add_hydrogens"
_COMPLETE = "complete_geometries"
_COLUMN = "csv_column"
_COLUMNS = "csv_columns"
_UPLOAD = "upload"
_UPLOAD_ERROR = "upload_error"
_RECORD = "upload_record"

kept.keep(_UPLOAD, _RECORD)


@dataclass(frozen=True)
class Editor:
    """What the editor was last given or gave: a MOL block, the graph it stands for, and how often it was refilled."""

    block: str
    graph: str
    fills: int


def molecule_input() -> None:
    """The line, and below it what was opened; each makes its molecule the current one and shows its own errors."""
    if st.session_state.pop(_CLOSE, False):
        st.session_state[_WAY] = None
    elif _WAY not in st.session_state:
        st.session_state[_WAY] = _EXAMPLES if state.loaded() is None else None
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        st.text_input(
            "SMILES, InChI or the name of an example",
            key=state.SMILES_TEXT,
            placeholder="SMILES, InChI or the name of an example: CC(=O)Oc1ccccc1C(=O)O, aspirin",
            on_change=_take_text,
            label_visibility="collapsed",
            width=420,
            **KEPT,
        )
        st.button(
            "Show",
            on_click=_take_text,
            type="primary",
            help="A dot separates the molecules of a complex: O.O is a water dimer. Hydrogens are added for you.",
        )
        way = st.segmented_control(
            "Other ways to give a molecule",
            list(_ICONS),
            format_func=lambda name: f":material/{_ICONS[name]}: {name}",
            key=_WAY,
            label_visibility="collapsed",
            **KEPT,
        )
    if _TEXT_ERROR in st.session_state:
        _refuse(st.session_state[_TEXT_ERROR], "This text cannot be used")
    elif (problem := state.link_error()) is not None:
        _refuse(problem, "The SMILES in the link cannot be used")
    if way == _FILE:
        _file()
    elif way == _DRAW:
        _draw()
    elif way == _EXAMPLES:
        _examples()
        if state.loaded() is None:
            _file()
    _show_upload(whole=way == _FILE)


def chosen_molecule(nothing: str) -> state.Loaded | None:
    """The current molecule, under the line to choose another; `nothing` is said where there is none."""
    molecule_input()
    current = state.loaded()
    if current is None:
        st.info(nothing, icon=":material/arrow_upward:")
    return current


def _refuse(reason: str, title: str) -> None:
    """The sentence next to the input; it also says that what is shown further down is older."""
    st.error(sentence(reason), title=title)
    if state.loaded() is not None:
        st.caption(_OLDER)


def _draw() -> None:
    st.caption("Draw a molecule (hydrogens are added for you), then press **Apply** below the editor.")
    editor = _editor_in_step()
    block = st_ketcher(editor.block, height=_EDITOR_HEIGHT, molecule_format="MOLFILE", key=f"{_EDITOR}_{editor.fills}")
    if block and block != editor.block:
        graph = editor.graph
        try:
            molecule = background.read_text(molecule_from_drawing, block, background.SHORT_DRAWING)
        except VirialffError as error:
            st.session_state[_DRAW_ERROR] = str(error)
        else:
            st.session_state.pop(_DRAW_ERROR, None)
            state.load(molecule, "drawn")
            graph = keys.graph_key(molecule)
            st.session_state[_CLOSE] = True
        st.session_state[_EDITOR] = Editor(block, graph, editor.fills)
        if st.session_state.get(_CLOSE):
            st.rerun()
    if _DRAW_ERROR in st.session_state:
        _refuse(st.session_state[_DRAW_ERROR], "This drawing cannot be used")


def _editor_in_step() -> Editor:
    """The editor's content, refilled when the current molecule came from elsewhere since."""
    editor: Editor = st.session_state.get(_EDITOR, Editor("", "", 0))
    current = state.loaded()
    if current is not None and keys.graph_key(current.molecule) != editor.graph:
        editor = Editor(drawing_of(current.molecule), keys.graph_key(current.molecule), editor.fills + 1)
        st.session_state[_EDITOR] = editor
        st.session_state.pop(_DRAW_ERROR, None)
    return editor


def _take_text() -> None:
    st.session_state.pop(_TEXT_ERROR, None)
    text = st.session_state[state.SMILES_TEXT].strip()
    if not text:
        return
    try:
        molecule = background.read_text(molecule_from_text, text)
    except VirialffError as error:
        st.session_state[_TEXT_ERROR] = str(error)
        return
    example = example_named(text)
    if example is not None:
        state.load(molecule, "example", example.name)
    elif text.casefold().startswith("inchi="):
        state.load(molecule, "InChI")
    else:
        state.load(molecule, "SMILES", molecule.name, typed=text)
    st.session_state[_WAY] = None


def _file() -> None:
    st.file_uploader(
        "SDF, MOL, XYZ, PDB, SMILES or CSV file",
        type=UPLOAD_TYPES,
        key=_UPLOADER,
        on_change=_take_upload,
        help="All hydrogens must be in the file, except in SMILES and CSV. Several records of the same molecule are "
        "taken as its conformers. Coordinates and atom order are kept as they are.",
    )
    st.toggle(
        "Add hydrogens to drawings (SDF and MOL files without a geometry)",
        value=True,
        key=_ADD_HYDROGENS,
        on_change=_take_upload,
        **KEPT,
    )
    st.toggle(
        "Place hydrogens that are missing in geometries (SDF and MOL files)",
        key=_COMPLETE,
        on_change=_take_upload,
        help="By RDKit, after the atoms of the file; a note then says how many.",
        **KEPT,
    )
    if st.session_state.get(_COLUMNS) and st.session_state[_UPLOADER] is not None:
        st.selectbox(
            "Column of the SMILES",
            [None, *st.session_state[_COLUMNS]],
            format_func=lambda title: "the one that is named so" if title is None else one_line(title, limit=60),
            key=_COLUMN,
            on_change=_take_upload,
            width=360,
        )
    if _UPLOAD_ERROR in st.session_state:
        _refuse(st.session_state[_UPLOAD_ERROR], "This file cannot be used")


def _column_of(file: UploadedFile) -> str | None:
    """The column of a CSV that was chosen; its columns are there to choose from afterwards."""
    columns = list(dict.fromkeys(background.read(tasks.read_columns, file.getvalue()))) if _is_table(file) else []
    if columns != st.session_state.get(_COLUMNS):
        st.session_state[_COLUMN] = None
    st.session_state[_COLUMNS] = columns if len(columns) > 1 else []
    chosen: str | None = st.session_state.get(_COLUMN)
    return chosen


def _is_table(file: UploadedFile) -> bool:
    return file.name.lower().endswith(".csv")


def _take_upload() -> None:
    file = st.session_state[_UPLOADER]
    if file is None:
        return
    st.session_state.pop(_UPLOAD_ERROR, None)
    st.session_state.pop(_UPLOAD, None)
    try:
        options = (st.session_state[_ADD_HYDROGENS], st.session_state[_COMPLETE], _column_of(file))
        upload = background.read(tasks.read_file, file.getvalue(), file.name, *options)
    except VirialffError as error:
        st.session_state[_UPLOAD_ERROR] = f"the file {file.name}: {error}"
        return
    st.session_state[_UPLOAD] = upload
    st.session_state[_RECORD] = 0
    if upload.molecules:
        _take_record()
        if not upload.errors and not st.session_state[_COLUMNS]:
            st.session_state[_WAY] = None


def _take_record() -> None:
    upload: Upload = st.session_state[_UPLOAD]
    molecule = upload.molecules[st.session_state[_RECORD]]
    state.load(molecule, _origin(upload), molecule.name)


def _origin(upload: Upload) -> str:
    return f"file {upload.file_name}"


def _show_upload(*, whole: bool) -> None:
    """The file that was read: its molecules to choose from while one of them is shown, and on request the `whole`."""
    upload: Upload | None = st.session_state.get(_UPLOAD)
    current = state.loaded()
    if upload is None or not (whole or (current is not None and current.origin == _origin(upload))):
        return
    if len(upload.molecules) > 1:
        st.selectbox(
            f"{counted(len(upload.molecules), 'molecule')} in {plain(upload.file_name)}",
            range(len(upload.molecules)),
            format_func=lambda index: _describe(index, upload.molecules[index]),
            key=_RECORD,
            on_change=_take_record,
            **KEPT,
        )
    elif whole and upload.molecules:
        st.success(f"{plain(upload.file_name)}: {plain(_describe(0, upload.molecules[0]))}")
    for note in upload.notes:
        st.info(sentence(note))
    if upload.truncated:
        st.warning(f"The file has more than {MAX_RECORDS} records; the first {MAX_RECORDS} were read.")
    if not whole:
        return
    if upload.errors:
        _show_record_errors(upload)
    if not upload.molecules and not upload.errors:
        _refuse("The file has no records.", "This file cannot be used")


def _describe(index: int, molecule: Molecule) -> str:
    title = f"{one_line(molecule.name, limit=60)}, " if molecule.name else ""
    n = molecule.n_conformers
    geometry = "no coordinates" if n == 0 else counted(n, "conformer")
    return f"{index + 1}: {title}{molecule.formula}, {geometry}"


def _show_record_errors(upload: Upload) -> None:
    lines = [sentence(error) for error in upload.errors]
    st.error(listed(lines, _ERRORS_SHOWN), title=f"{counted(len(lines), 'record')} cannot be used")
    if not upload.molecules and state.loaded() is not None:
        st.caption(_OLDER)


def _examples() -> None:
    with st.container(horizontal=True, gap="small"):
        for index, example in enumerate(examples()):
            with st.container(border=True, width=172, gap="small"):
                st.image(
                    _thumbnail(example.name, page_theme() == "dark"), alt=f"Structure of {example.name}", width=138
                )
                # Without a frame, so that the longest word has room.
                st.button(
                    example.name,
                    key=f"example_{index}",
                    type="tertiary",
                    help=example.note,
                    on_click=_take_example,
                    args=(example,),
                    width="stretch",
                )


def _take_example(example: Example) -> None:
    state.load(example.molecule(), "example", example.name)
    st.session_state[_WAY] = None


@st.cache_data(show_spinner=False, max_entries=64)
def _thumbnail(name: str, dark: bool) -> str:
    example = next(entry for entry in examples() if entry.name == name)
    return structure_drawing(example.molecule(), hydrogens=False, width=292, height=200, dark=dark).svg
