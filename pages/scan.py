"""Page Scan: energies along a torsion, bond or angle, or while two molecules are pulled apart."""

import numpy as np
import streamlit as st

from pages.components.scan import coordinates, relaxation, views
from pages.components.shell import model
from pages.components.shell.entry import enter_through_app
from pages.components.shell.text import file_stem, sentence
from pages.components.widgets import card
from pages.components.widgets.methods import choose_methods, energies
from pages.components.widgets.picked import picked
from pages.components.widgets.workspace import Workspace, my_molecule
from virialff.methods.comparison import Comparison
from virialff.text import counted


def show_scan(work: Workspace) -> None:
    """The widgets of a scan from the shown geometry, and what comes of it."""
    if work.geometry.positions is None:
        return
    molecule = work.shown.molecule.with_positions(np.asarray(work.geometry.positions)[None])
    first = st.container()
    second = st.container(horizontal=True, vertical_alignment="bottom")
    with first:
        rigid = coordinates.choose(molecule, second, picked(work.shown.molecule))
    if rigid is None:
        return
    for note in rigid.notes():
        title = counted(len(rigid.left_out), "point is left out", "points are left out")
        st.warning(sentence(note.replace(" Angstrom", " Å")), title=title, icon=":material/block:")
    there = relaxation.relaxed(rigid, work.model, second)
    scanned = there.scan
    methods = choose_methods(work.model, molecule)
    if not methods:
        st.info("Choose at least one method.")
        return
    source = f"the points of a {scanned.kind} scan, atoms {'-'.join(str(atom + 1) for atom in scanned.atoms)}"
    found = energies(methods, scanned.molecule, at_once=work.model, noun="point", source=source)
    runs = [run for run in found if run.succeeded]
    if not runs:
        return
    known = card.uncertainties(work.model, scanned.molecule, runs, "torsion") if scanned.kind == "torsion" else {}
    result = Comparison(scanned.molecule, tuple(runs), uncertainties=known)
    stem = file_stem(work.shown.title, molecule.formula)
    views.results(work, there, result, stem)


enter_through_app()
my_molecule("Scan", show_scan, "Nothing to scan yet: give a molecule.")
card.model_card(model.active_model())
