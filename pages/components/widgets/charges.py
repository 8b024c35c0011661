"""Structure in 2D and 3D coloured by charge, the colour bar, and the charge table."""

from functools import partial

import numpy as np
import pandas as pd
import streamlit as st

from pages.components.shell import collected
from pages.components.shell.state import KEPT, LINKED
from pages.components.widgets import viewer
from pages.components.widgets.geometry import Geometry
from pages.components.widgets.show import download
from virialff.figures.charge_scale import ChargeScale
from virialff.figures.depiction import AtomLabels, structure_svg
from virialff.models.members import ChargeSpread
from virialff.molecules.environments import RareAtoms
from virialff.molecules.molecule import Molecule
from virialff.parameters.dipole import point_charge_dipole
from virialff.parameters.tables import charges_table
from virialff.text import fixed
from virialff.units import E_ANGSTROM_IN_DEBYE

_VIEW_HEIGHT = 400
_STACKED_HEIGHT = 280
#: Length of the dipole's arrow, Angstrom a debye.
_ARROW_PER_DEBYE = 1.5
#: Sums of charges (e) below this count as zero.
_NEUTRAL = 0.001
#: Above this number of atoms the drawing starts without hydrogens.
_CROWDED = 36
_SHOWN_NAMES = {
    "charge_e": "charge (e)",
    "charge_spread_e": "spread (e)",
    "training_molecules": "training molecules",
}
_LABELS: dict[str, AtomLabels] = {"Nothing": "none", "Charges": "charges", "Atom numbers": "numbers"}


def structure_views(
    molecule: Molecule,
    charges: np.ndarray,
    geometry: Geometry,
    rare: RareAtoms | None = None,
    *,
    beside: bool = True,
) -> None:
    """2D depiction and 3D view `beside` each other or below, rare atoms marked, with the colour bar."""
    marked = [] if rare is None else [int(atom) for atom in np.flatnonzero(rare.mask)]
    height = _VIEW_HEIGHT if beside else _STACKED_HEIGHT
    flat, spatial = st.columns(2, gap="medium") if beside else (st.container(), st.container())
    with spatial:
        _spatial(molecule, charges, geometry, marked, height)
    with flat, st.container(horizontal=True, vertical_alignment="bottom"):
        labels = st.segmented_control(
            "Write on the atoms", list(_LABELS), default="Atom numbers", required=True, key="depiction_labels", **LINKED
        )
        hydrogens = st.toggle("Hydrogens", value=molecule.n_atoms <= _CROWDED, key="depiction_hydrogens", **LINKED)
    with flat:
        svg = structure_svg(
            molecule, charges, hydrogens=hydrogens, labels=_LABELS[labels or "Nothing"], marked=marked, height=height
        )
        collected.picture(f"Structural formula of {molecule.formula}, atoms coloured by charge", svg)
        st.image(svg, width="stretch", alt=f"Structural formula of {molecule.formula}, atoms coloured by charge")
        if marked:
            st.caption(
                "Orange rings and shells: atoms whose surroundings or bonds were rare in the model's training, and "
                "those of rotatable bonds, ring systems and contacts that it did not have."
            )
        download("Structure (SVG)", svg, f"{molecule.formula}.svg", key="structure_svg")
    color_bar(ChargeScale.fitting(charges))


def _spatial(molecule: Molecule, charges: np.ndarray, geometry: Geometry, marked: list[int], height: int) -> None:
    if geometry.positions is None:
        st.info(geometry.note, title="No 3D view")
        return
    dipole = point_charge_dipole(charges, geometry.positions)
    shown = st.toggle("Dipole arrow", key="dipole_arrow", **KEPT)
    arrow = dipole.vector * E_ANGSTROM_IN_DEBYE * _ARROW_PER_DEBYE if shown else None
    viewer.show(molecule, geometry.positions, charges, height=height, arrow=arrow, marked=marked)
    note = f" The arrow points from − to +, {_ARROW_PER_DEBYE:g} Å a debye." if shown else ""
    st.caption(f"{geometry.note}{note} Drag to turn, scroll to zoom, point at an atom for its charge.")


def dipole_metrics(charges: np.ndarray, geometry: Geometry) -> None:
    """Magnitude and components of the dipole of the predicted charges at the shown geometry."""
    if geometry.positions is None:
        return
    dipole = point_charge_dipole(charges, geometry.positions)
    with st.container(horizontal=True):
        st.metric("Dipole of the charges", f"{dipole.debye:.2f} D", width="content")
        st.metric("in e Å", f"{dipole.magnitude:.3f} e Å", width="content")
        for axis, value in zip("xyz", dipole.vector, strict=True):
            st.metric(axis, f"{fixed(value, 3, sign=True)} e Å", width="content")
    text = "Of point charges at the shown geometry, from the negative to the positive side, in its own axes."
    if abs(dipole.total_charge) > _NEUTRAL:
        total = fixed(dipole.total_charge, 3, sign=True)
        text += f" The charges sum to {total} e, so it counts from the mean of the atoms."
    st.caption(text)


def color_bar(scale: ChargeScale) -> None:
    """The colour bar, with its ends and its middle in numbers and words."""
    stops = ", ".join(scale.hex(charge) for charge in np.linspace(-scale.limit, scale.limit, 9))
    st.html(
        f"""<div style="max-width: 26rem; margin: 0 auto; font-size: 0.85rem">
        <div style="height: 0.8rem; border-radius: 0.3rem; background: linear-gradient(to right, {stops})"></div>
        <div style="display: flex; justify-content: space-between">
        <span>−{scale.limit:.1f} e (red)</span><span>0</span><span>+{scale.limit:.1f} e (blue)</span></div>
        <div style="text-align: center">predicted partial charge</div></div>"""
    )


def charge_table(
    molecule: Molecule, charges: np.ndarray, spread: ChargeSpread | None = None, rare: RareAtoms | None = None
) -> None:
    """Charges by atom, coloured as in the structure, and their sum by fragment.

    With `spread` its column over the model's members, with `rare` how many training molecules have such an atom.
    """
    scale = ChargeScale.fitting(charges)
    table = charges_table(molecule, charges, spread=spread, rare=rare).drop(columns="rare", errors="ignore")
    if molecule.n_fragments == 1:
        table = table.drop(columns="fragment")
    collected.table("Partial charges", table.rename(columns=_SHOWN_NAMES))
    styled = table.rename(columns=_SHOWN_NAMES).style
    styled = styled.map(lambda charge: _cell(scale, charge), subset=["charge (e)"])
    styled = styled.format({"charge (e)": partial(fixed, decimals=4, sign=True), "spread (e)": "{:.4f}"})
    atoms, sums = st.columns([2, 1], gap="medium")
    with atoms:
        st.dataframe(styled, hide_index=True, height=320)
    with sums:
        if molecule.n_fragments == 1:
            st.metric("Sum of the charges", f"{fixed(charges.sum(), 4, sign=True)} e")
        else:
            st.markdown("**Sum of the charges by molecule**")
            st.dataframe(fragment_sums(molecule, charges), hide_index=True)
        st.caption("Each molecule is neutral, so its charges should sum to zero.")


def fragment_sums(molecule: Molecule, charges: np.ndarray) -> pd.DataFrame:
    """Atoms and summed charge of each fragment, for show: the sum as text with its sign."""
    totals = np.bincount(molecule.fragments, weights=charges)
    return pd.DataFrame(
        {
            "molecule": np.arange(1, molecule.n_fragments + 1),
            "atoms": np.bincount(molecule.fragments),
            "sum (e)": [fixed(total, 4, sign=True) for total in totals],
        }
    )


def _cell(scale: ChargeScale, charge: float) -> str:
    return f"background-color: {scale.hex(charge)}; color: {scale.text_hex(charge)}"
