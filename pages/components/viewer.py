"""Three-dimensional view: 3Dmol.js in a frame, fed with JSON only."""

import json
from pathlib import Path

import numpy as np
import streamlit as st

from virialff.charge_scale import ChargeScale
from virialff.molecule import Molecule

# 3Dmol.js is BSD-3-Clause; `make run` fetches it from npm, the network is only the fallback.
_VERSION = "2.5.5"
_FALLBACK = f"https://cdn.jsdelivr.net/npm/3dmol@{_VERSION}/build/3Dmol-min.js"
_LOCAL_FILE = Path(__file__).resolve().parents[2] / "static" / "3Dmol-min.js"
_TEMPLATE = (Path(__file__).parent / "viewer.html").read_text(encoding="utf-8")
# As in .streamlit/config.toml.
_BACKGROUNDS = {"light": "#ffffff", "dark": "#15181d"}


def script_url() -> str:
    """Where the frame loads 3Dmol.js from: this server when the file is there, otherwise the public network."""
    if not _LOCAL_FILE.is_file():
        return _FALLBACK
    base = str(st.get_option("server.baseUrlPath") or "").strip("/")
    return f"/{base}/app/static/{_LOCAL_FILE.name}" if base else f"/app/static/{_LOCAL_FILE.name}"


def viewer_html(molecule: Molecule, positions: np.ndarray, charges: np.ndarray, *, script: str, theme: str) -> str:
    """The frame's page: positions (n_atoms, 3) in A, atoms coloured by charges (n_atoms,) in e.

    Nothing of the molecule but numbers and element symbols goes in, and `<` is escaped all the same.
    """
    scale = ChargeScale.fitting(charges)
    data = {
        "background": _BACKGROUNDS[theme],
        "ink": "#111111" if theme == "light" else "#fafafa",
        "elements": list(molecule.symbols),
        "positions": np.round(facing(positions), 4).tolist(),
        "charges": np.round(charges, 3).tolist(),
        "colors": [scale.hex(charge) for charge in charges],
        "bonds": molecule.bonds.tolist(),
        "orders": molecule.orders.tolist(),
    }
    encoded = json.dumps(data, separators=(",", ":"), allow_nan=False).replace("<", "\\u003c")
    return _TEMPLATE.replace("{{script}}", script).replace("{{data}}", encoded)


def facing(positions: np.ndarray) -> np.ndarray:
    """The positions (n_atoms, 3) turned so that the molecule shows its broad side; chirality is kept."""
    centered = positions - positions.mean(axis=0)
    axes = np.linalg.svd(centered, full_matrices=True)[2]
    axes[2] *= np.linalg.det(axes)
    turned: np.ndarray = centered @ axes.T
    return turned


def show(molecule: Molecule, positions: np.ndarray, charges: np.ndarray, *, height: int = 400) -> None:
    """Show one geometry in the page, in the theme of the page."""
    theme = "dark" if st.context.theme.type == "dark" else "light"
    html = viewer_html(molecule, positions, charges, script=script_url(), theme=theme)
    st.iframe(html, height=height, alt="Three-dimensional view, atoms coloured by partial charge")
