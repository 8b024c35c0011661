"""Conformers superimposed in one three-dimensional view, fed with numbers and element symbols alone."""

from pathlib import Path

import numpy as np
import pandas as pd
import py3Dmol
import streamlit as st
from rdkit import Chem

from pages.components.shell.state import KEPT
from virialff.conformers.ensembles import superimpose
from virialff.figures.style import OKABE_ITO
from virialff.methods.comparison import Comparison
from virialff.methods.tables import relative_energies_above
from virialff.molecules import keys
from virialff.molecules.molecule import Molecule
from virialff.settings import STATIC

# 3Dmol.js is BSD-3-Clause; `make run` fetches it from npm, the network is only the fallback.
_VERSION = "2.5.5"
_FALLBACK = f"https://cdn.jsdelivr.net/npm/3dmol@{_VERSION}/build/3Dmol-min.js"
# Of the file in the npm package of that version, whose sha512 is in scripts/fetch_3dmol.py: a browser runs no other.
_INTEGRITY = "sha384-OsczYbldvrHgslr9fFp/i4GiLSeuw9l+QIlv99ITw8soOwXcoGeflFMLg+CU/X1d"
_LOCAL_FILE = STATIC / "3Dmol-min.js"
_TEMPLATE = (Path(__file__).parent / "viewer.html").read_text(encoding="utf-8")
# Angstrom: room around the outermost atoms, and least half of a frame.
_MARGIN = 1.1
_LEAST_HALF = 2.2
BACKGROUNDS = {"light": "#ffffff", "dark": "#15181d"}
INKS = {"light": "#111111", "dark": "#fafafa"}


def page_theme() -> str:
    """Theme of the page that is shown, "light" or "dark"."""
    return "dark" if st.context.theme.type == "dark" else "light"


def script_url() -> str:
    """Where the frame loads 3Dmol.js from: this server when the file is there, otherwise the public network."""
    if not _LOCAL_FILE.is_file():
        return _FALLBACK
    base = str(st.get_option("server.baseUrlPath") or "").strip("/")
    return f"/{base}/app/static/{_LOCAL_FILE.name}" if base else f"/app/static/{_LOCAL_FILE.name}"


def script_and_integrity() -> tuple[str, str]:
    """Where 3Dmol.js is loaded from, and the checksum that a browser asks of it: none of the file on this server."""
    script = script_url()
    return script, _INTEGRITY if script == _FALLBACK else ""


def new_view(theme: str) -> py3Dmol.view:
    """An empty view on the background of the theme."""
    view = py3Dmol.view(width="100%", height="100%")
    view.setBackgroundColor(BACKGROUNDS[theme])
    return view


def frame_page(view: py3Dmol.view, points: np.ndarray, script: str, theme: str) -> str:
    """The page of a frame with this view of what is at these points (n, 3) in A, which `facing` has turned."""
    half_width, half_height = half_frame(points)
    page = _TEMPLATE.replace("{{background}}", BACKGROUNDS[theme])
    page = page.replace("{{half_width}}", f"{half_width:.2f}").replace("{{half_height}}", f"{half_height:.2f}")
    page = page.replace("{{script}}", script).replace("{{integrity}}", _INTEGRITY if script == _FALLBACK else "")
    # The template calls the viewer by the name that py3Dmol gives it.
    return page.replace("{{view}}", view.write_html()).replace("{{viewer}}", f"viewer_{view.uniqueid}")


def half_frame(points: np.ndarray) -> tuple[float, float]:
    """Half the width and height, A, of a frame around these points (n, 3), which `facing` has turned."""
    half_width, half_height, _ = np.maximum(np.abs(points).max(axis=0) + _MARGIN, _LEAST_HALF)
    return float(half_width), float(half_height)


def mol_block(molecule: Molecule, positions: np.ndarray) -> str:
    """The molecule as a MOL block without its title: positions (n_atoms, 3) in A."""
    mol = molecule.with_positions(positions[None]).to_rdkit()
    mol.SetProp("_Name", "")
    return str(Chem.MolToMolBlock(mol))


def facing(positions: np.ndarray) -> np.ndarray:
    """The positions (n_atoms, 3) turned so that the molecule shows its broad side; chirality is kept."""
    turned: np.ndarray = (positions - positions.mean(axis=0)) @ facing_axes(positions).T
    return turned


def facing_axes(positions: np.ndarray) -> np.ndarray:
    """Rows are the axes of the view in the frame of the positions, (3, 3)."""
    axes = np.linalg.svd(positions - positions.mean(axis=0), full_matrices=True)[2]
    axes[2] *= np.linalg.det(axes)
    return np.asarray(axes)


#: In the order of OKABE_ITO.
COLOUR_NAMES = ("blue", "orange", "green", "pink", "sky blue", "vermilion", "yellow")
_CARBON = 6


def overlay_html(molecule: Molecule, positions: np.ndarray, *, hydrogens: bool, script: str, theme: str) -> str:
    """The frame's page: positions (n_conformers, n_atoms, 3) in A, a colour each; at most len(OKABE_ITO).

    Without `hydrogens` those of carbon atoms are hidden. Nothing but numbers and element symbols goes in.
    """
    turned = facing(positions.reshape(-1, 3)).reshape(positions.shape)
    hidden = [] if hydrogens else hydrogens_of_carbon(molecule)
    view = new_view(theme)
    for model, geometry in enumerate(turned):
        view.addModel(mol_block(molecule, geometry), "mol", {"keepH": True})
        view.setStyle({"model": model}, {"stick": {"radius": 0.1, "color": OKABE_ITO[model]}})
        if hidden:
            view.setStyle({"model": model, "index": hidden}, {})
    return frame_page(view, turned.reshape(-1, 3), script, theme)


def hydrogens_of_carbon(molecule: Molecule) -> list[int]:
    hydrogens = []
    for pair in molecule.bonds:
        for atom, other in (pair, pair[::-1]):
            if molecule.numbers[atom] == 1 and molecule.numbers[other] == _CARBON:
                hydrogens.append(int(atom))
    return hydrogens


def show_overlay(result: Comparison, reference: str) -> None:
    """Choose conformers; the view, and a table with colours, RMSD and energies."""
    ensemble = result.molecule
    relative = relative_energies_above(result)
    order = [int(k) for k in np.argsort(relative[reference], kind="stable")]
    chosen = st.multiselect(
        "Conformers to superimpose, the first one stays where it is",
        range(1, ensemble.n_conformers + 1),
        default=[index + 1 for index in order[:3]],
        max_selections=len(OKABE_ITO),
        key=f"overlay_{keys.geometry_key(ensemble)[:12]}_{reference}",
        **KEPT,
    )
    if not chosen:
        st.info("Choose at least one conformer.")
        return
    hydrogens = st.toggle("Show all hydrogens", key="overlay_hydrogens", **KEPT)
    indices = np.array(chosen) - 1
    laid = superimpose(ensemble.with_positions(ensemble.positions[indices]))
    theme = page_theme()
    page = overlay_html(result.molecule, laid.positions, hydrogens=hydrogens, script=script_url(), theme=theme)
    st.iframe(page, height=400, alt="Three-dimensional view of the superimposed conformers")
    table = pd.DataFrame(
        {
            "conformer": chosen,
            "colour": COLOUR_NAMES[: len(chosen)],
            "RMSD to the first (Å)": [f"{value:.2f}" for value in laid.rmsd],
        }
    )
    values = relative[reference][indices]
    table[f"{reference} (kcal/mol)"] = [f"{value:.2f}" if np.isfinite(value) else "–" for value in values]
    st.dataframe(table, hide_index=True)
    st.caption("RMSD over all atoms but the hydrogens of carbon atoms, after the best superposition.")
