"""The project and the report of a session, in the sidebar: save all that is open, and open it again elsewhere."""

from collections.abc import Callable
from datetime import datetime
from functools import cache
from importlib.metadata import PackageNotFoundError, version

import streamlit as st

from pages.components.shell import background, collected, kept, model, state
from pages.components.shell.text import file_stem, one_line, plain, sentence
from pages.components.widgets import geometry, methods, tasks
from pages.components.widgets.show import download
from virialff.errors import VirialffError
from virialff.export.project import SUFFIX, Entry, Project, project_text
from virialff.figures.report import Section, citations, report_html
from virialff.text import counted

_UPLOADER = "project_file"
_ERROR = "project_error"
_OPENED = "project_opened"
_PROGRAMS = ("virialff", "torch", "rdkit", "tblite", "torchani", "pyscf", "numpy")


def sidebar() -> None:
    """The menu, with what came of the last file that was opened."""
    with st.sidebar:
        with st.popover("Project and report", icon=":material/save:", width="stretch"):
            _save()
            st.file_uploader("Open a project", type=["json"], key=_UPLOADER, on_change=_open)
        if _ERROR in st.session_state:
            st.error(sentence(st.session_state[_ERROR]), title="This project cannot be opened")
        elif _OPENED in st.session_state:
            st.info(plain(st.session_state[_OPENED], limit=600))


def _save() -> None:
    current = state.loaded()
    if current is None:
        st.caption("Once there is a molecule, all molecules of this session are saved here with their results.")
        return
    stem = file_stem(current.title, current.molecule.formula)
    # Written when they are pressed, outside the session: of what it has now.
    found, facts, sections = _project(), _facts_of(current), collected.sections()
    title = current.title or current.molecule.formula
    download("Save project (JSON)", lambda: project_text(found), f"{stem}{SUFFIX}", key="save_project")
    download("Save report (HTML)", lambda: _report(title, facts, sections), f"{stem}_report.html", key="save_report")
    st.caption(
        "The project has the molecules of this session with their coordinates, geometries and energies. The report has "
        "what the pages showed last of the current molecule, whose work it rests on, and needs no network."
    )


@cache
def _versions() -> dict[str, str]:
    found = {}
    for name in _PROGRAMS:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            continue
    return found


def _project() -> Project:
    current = state.loaded()
    entries = []
    for known in kept.all_of("loaded_molecule"):
        assert isinstance(known, state.Loaded)
        entry = Entry(known.molecule.with_name(known.title), known.origin, known.smiles)
        entry.geometries += geometry.saved(known.molecule) + methods.saved(known.molecule)
        entries.append(entry)
    # The current one is opened first.
    entries.sort(key=lambda entry: current is not None and entry.smiles != current.smiles)
    active = model.active_model()
    facts = {"name": active.name, "sha256": active.sha256, "level_of_theory": active.level_of_theory}
    return Project(entries, facts, _versions(), st.query_params.to_dict())


def _facts_of(current: state.Loaded) -> dict[str, str]:
    active, molecule = model.active_model(), current.molecule
    return {
        "Molecule": f"{molecule.formula}, {counted(molecule.n_atoms, 'atom')}, from: {current.origin}",
        "SMILES": molecule.smiles,
        "Model": f"{active.name}, trained on {active.level_of_theory}",
        "sha256 of the model": active.sha256,
        "Programs": ", ".join(f"{name} {number}" for name, number in _versions().items()),
        "Made": datetime.now().astimezone().strftime("%Y-%m-%d %H:%M %Z"),
    }


def _report(title: str, facts: dict[str, str], made: Callable[[], list[Section]]) -> str:
    sections = made()
    texts = [text for section in sections for text in section.notes]
    texts += [str(name) for section in sections for _, table in section.tables for name in table.columns]
    return report_html(title, facts, sections, citations(texts))


def _open() -> None:
    file = st.session_state[_UPLOADER]
    st.session_state.pop(_ERROR, None)
    if file is None:
        return
    st.session_state.pop(_OPENED, None)
    try:
        project: Project = background.read(tasks.read_project_file, file.getvalue())
        if not project.entries:
            raise VirialffError("it has no molecules")
    except VirialffError as error:
        st.session_state[_ERROR] = f"the file {file.name}: {error}"
        return
    for entry in reversed(project.entries):
        state.load(entry.molecule, entry.origin, entry.molecule.name, typed=entry.smiles)
        geometry.take_back(entry.molecule, entry.geometries)
        methods.take_back(entry.molecule, entry.geometries)
        state.remember()
    here = model.active_model()
    text = f"{one_line(file.name, limit=60)}: {counted(len(project.entries), 'molecule')}."
    if project.model.get("sha256") != here.sha256:
        text += (
            f" It was computed with the model {one_line(project.model.get('name', '?'))}, and this session has "
            f"{here.name}: energies of the model are computed anew."
        )
    st.session_state[_OPENED] = text
