"""Many geometries of one molecule in one three-dimensional view: one is shown, all can be played through."""

import json
from collections.abc import Collection

import numpy as np
import streamlit as st

from pages.components.widgets.viewer import (
    BACKGROUNDS,
    INKS,
    facing_axes,
    frame_page,
    mol_block,
    new_view,
    page_theme,
    script_url,
)
from virialff.figures.charge_scale import ChargeScale
from virialff.molecules.molecule import Molecule

_MARK = "#E69F00"
_MILLISECONDS = 160
# The controls lie over the picture, in the colours of the page.
_CONTROLS = """
<style>
  #film { position: absolute; left: 8px; bottom: 8px; display: flex; gap: 8px; align-items: center; z-index: 5; }
  #film button { font: 14px sans-serif; padding: 4px 12px; border-radius: 6px; border: 1px solid #8a8a8a;
                 background: {{background}}; color: {{ink}}; cursor: pointer; }
  #film output { font: 13px sans-serif; color: {{ink}}; background: {{background}}; padding: 2px 6px; }
</style>
<div id="film"><button type="button">Play</button><output></output></div>
<script>
  $3Dmolpromise.then(() => {
    const names = {{names}};
    const button = document.querySelector("#film button"), output = document.querySelector("#film output");
    let frame = {{shown}}, step = 1, timer = null;
    const draw = () => {
      {{viewer}}.setFrame(frame).then(() => {{viewer}}.render());
      output.textContent = names[frame];
      document.body.dataset.frame = frame;
    };
    const advance = () => {
      if (frame + step < 0 || frame + step >= names.length) step = -step;
      frame += step;
      draw();
    };
    button.addEventListener("click", () => {
      if (timer === null) timer = setInterval(advance, {{milliseconds}});
      else { clearInterval(timer); timer = null; }
      button.textContent = timer === null ? "Play" : "Pause";
    });
    draw();
  });
</script>
"""


def film_html(
    molecule: Molecule,
    charges: np.ndarray,
    names: list[str],
    shown: int,
    *,
    marked: Collection[int] = (),
    script: str,
    theme: str,
) -> str:
    """The frame's page: the molecule's conformers as frames, of which number `shown` (from 0) is drawn at first.

    Atoms are coloured by charges (n_atoms,) in e; `marked` ones (from 0) are orange. `names` are said of the frames.
    Nothing of the molecule but numbers and element symbols goes in.
    """
    scale = ChargeScale.fitting(charges)
    turned = _turned(molecule.positions, shown)
    view = new_view(theme)
    text = "".join(f"{mol_block(molecule, geometry)}$$$$\n" for geometry in turned)
    view.addModelsAsFrames(text, "sdf", {"keepH": True})
    for index, charge in enumerate(charges):
        color = _MARK if index in marked else scale.hex(charge)
        style = {"stick": {"radius": 0.14, "color": color}, "sphere": {"scale": 0.3, "color": color}}
        view.setStyle({"index": index}, style)
    page = frame_page(view, turned.reshape(-1, 3), script, theme)
    controls = _CONTROLS.replace("{{names}}", json.dumps(names).replace("<", "\\u003c"))
    controls = controls.replace("{{shown}}", str(shown)).replace("{{milliseconds}}", str(_MILLISECONDS))
    controls = controls.replace("{{viewer}}", f"viewer_{view.uniqueid}")
    controls = controls.replace("{{background}}", BACKGROUNDS[theme]).replace("{{ink}}", INKS[theme])
    return page.replace("</body>", f"{controls}</body>")


def _turned(positions: np.ndarray, shown: int) -> np.ndarray:
    """All geometries (n, n_atoms, 3) in one frame, in which the shown one has its broad side to the front."""
    middle = positions[shown].mean(axis=0)
    turned: np.ndarray = (positions - middle) @ facing_axes(positions[shown]).T
    return turned


def show_film(
    molecule: Molecule,
    charges: np.ndarray,
    names: list[str],
    shown: int,
    *,
    marked: Collection[int] = (),
    height: int = 380,
    alt: str,
) -> None:
    """Show the molecule's conformers in the page, in its theme, as `film_html`."""
    theme = page_theme()
    page = film_html(molecule, charges, names, shown, marked=marked, script=script_url(), theme=theme)
    st.iframe(page, height=height, alt=f"Three-dimensional view, {alt}")
