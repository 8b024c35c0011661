"""Structure in 2D and 3D coloured by charge, the colour bar, and the charge table."""

from collections.abc import Callable, Hashable, Mapping
from functools import partial

import numpy as np
import pandas as pd
import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from pages.components.shell import background, collected, press
from pages.components.shell.state import KEPT, LINKED
from pages.components.shell.text import sentence
from pages.components.widgets import tasks
from pages.components.widgets.geometry import Geometry
from pages.components.widgets.picked import atom_name, measured, pick, picked
from pages.components.widgets.show import download
from pages.components.widgets.sight import Sight, contact_lines, contacts_said
from pages.components.widgets.structure import structure
from virialff.errors import VirialffError
from virialff.figures.charge_scale import COMMON_SCALE, ChargeScale
from virialff.figures.depiction import AtomLabels
from virialff.methods.charge_schemes import SCHEMES, AtomCharges, charges_by
from virialff.models.members import ChargeSpread
from virialff.molecules import keys
from virialff.molecules.environments import RareAtoms
from virialff.molecules.molecule import Molecule
from virialff.parameters.dipole import point_charge_dipole
from virialff.parameters.tables import charges_table
from virialff.text import fixed
from virialff.units import E_ANGSTROM_IN_DEBYE

_VIEW_HEIGHT = 400
_BY_CHARGE, _BY_ELEMENT = "By charge", "By element"
_TABLE_HEIGHT = 360
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
_LABELS: dict[str, AtomLabels] = {
    "Nothing": "none",
    "Charges": "charges",
    "Atom numbers": "numbers",
    "Elements": "elements",
}


def structure_views(
    molecule: Molecule,
    charges: np.ndarray,
    geometry: Geometry,
    rare: RareAtoms | None = None,
    *,
    height: int = _VIEW_HEIGHT,
    place: DeltaGenerator | None = None,
    sight: Sight | None = None,
) -> None:
    """The structure in 3D and 2D with its colour bar, rare atoms marked; how it is drawn is chosen at `place`.

    With what the results ask for in `sight`.
    """
    sight = sight or Sight()
    geometry = sight.geometry or geometry
    marked = [] if rare is None else [int(atom) for atom in np.flatnonzero(rare.mask)]
    with (place or st.container()).popover("View", icon=":material/visibility:", width="content"):
        labels = st.segmented_control(
            "Write on the atoms", list(_LABELS), default="Atom numbers", required=True, key="depiction_labels", **LINKED
        )
        colors = st.segmented_control(
            "Colours", [_BY_CHARGE, _BY_ELEMENT], default=_BY_CHARGE, required=True, key="depiction_colors", **LINKED
        )
        hydrogens = st.toggle(
            "Hydrogens of carbon", value=molecule.n_atoms <= _CROWDED, key="depiction_hydrogens", **LINKED
        )
        arrow_wanted = st.toggle("Dipole arrow", key="dipole_arrow", **KEPT)
        saved = st.container()
    arrow = None
    if arrow_wanted and geometry.positions is not None:
        dipole = point_charge_dipole(charges, geometry.positions)
        arrow = dipole.vector * E_ANGSTROM_IN_DEBYE * _ARROW_PER_DEBYE
    if geometry.positions is None:
        st.info(geometry.note, title="No 3D view")
    by_element = colors == _BY_ELEMENT
    _picks(molecule, geometry, sight)
    formula = structure(
        molecule,
        geometry.positions,
        charges,
        labels=_LABELS[labels or "Nothing"],
        element_colors=by_element,
        hydrogens=hydrogens,
        height=height,
        arrow=arrow,
        marked=marked,
        lines=contact_lines(molecule, geometry.positions) if sight.lines is None else sight.lines,
        lit=sight.atoms,
    )
    if formula is not None:
        collected.picture(f"Structural formula of {molecule.formula}, atoms coloured by charge", formula)
        with saved:
            download("Structure (SVG)", formula, f"{molecule.formula}.svg", key="structure_svg")
    if not by_element:
        color_bar(COMMON_SCALE)
    contacts = contacts_said(molecule, geometry.positions) if sight.lines is None else ""
    _explain(geometry, contacts, shown_arrow=arrow is not None, rare=rare)


def _picks(molecule: Molecule, geometry: Geometry, sight: Sight) -> None:
    """What is picked and what it measures, on a line that is there without picks too."""
    atoms = picked(molecule)
    with st.container(horizontal=True, vertical_alignment="center", gap="small", height=40, border=False):
        if atoms:
            st.markdown(f"Picked: **{measured(molecule, geometry.positions, atoms)}**", width="content")
            st.button("Unpick", key="unpick", on_click=pick, args=(molecule, ()), type="tertiary")
        elif sight.said:
            st.caption(f":green-badge[lit] {' '.join(sight.said)}")
        else:
            st.caption("Click atoms, or bonds of the formula: distance, angle, torsion.")


def _explain(geometry: Geometry, contacts: str, *, shown_arrow: bool, rare: RareAtoms | None) -> None:
    """What the views show."""
    text = f"{geometry.note} {contacts}" if geometry.positions is not None else ""
    if shown_arrow:
        text += f" The arrow points from − to +, {_ARROW_PER_DEBYE:g} Å a debye."
    if rare is not None and rare.any:
        text += (
            " Orange: atoms whose surroundings or bonds were rare in the model's training, and those of rotatable "
            "bonds, ring systems and contacts that it did not have"
        )
        text += "; and those that hold a misplaced proton, or lack it." if rare.zwitterion else "."
    st.caption(text.strip())


def dipole_metrics(charges: np.ndarray, geometry: Geometry, others: Mapping[str, AtomCharges] | None = None) -> None:
    """Dipole of the predicted charges at the shown geometry beside those of `others`, by the names of their schemes."""
    if geometry.positions is None:
        return
    dipole = point_charge_dipole(charges, geometry.positions)
    with st.container(horizontal=True):
        st.metric("Dipole of the charges", f"{dipole.debye:.2f} D", width="content")
        for name, other in (others or {}).items():
            if other.dipole is not None:
                debye = float(np.linalg.norm(other.dipole)) * E_ANGSTROM_IN_DEBYE
                st.metric(f"Dipole by {name}", f"{debye:.2f} D", width="content")
        st.metric("in e Å", f"{dipole.magnitude:.3f} e Å", width="content")
        for axis, value in zip("xyz", dipole.vector, strict=True):
            st.metric(axis, f"{fixed(value, 3, sign=True)} e Å", width="content")
    text = "Of point charges at the shown geometry, from the negative to the positive side, in its own axes."
    if abs(dipole.total_charge) > _NEUTRAL:
        total = fixed(dipole.total_charge, 3, sign=True)
        text += f" The charges sum to {total} e, so it counts from the mean of the atoms."
    if any(other.dipole is not None for other in (others or {}).values()):
        text += " Those of other methods are of their density, not of charges."
    st.caption(text)


def other_charges(molecule: Molecule, geometry: Callable[[], Geometry]) -> dict[str, AtomCharges]:
    """The widgets to choose charges by other ways than the model's, and those that are known, by `SCHEMES`' names.

    `geometry` is asked for where one of them needs it.

    Those of a geometry are computed in the background, and kept in the session.
    """
    schemes = st.pills(
        "Beside the model's",
        list(SCHEMES),
        selection_mode="multi",
        default=["gasteiger"],
        format_func=SCHEMES.__getitem__,
        key="charge_schemes",
        help=f"{SCHEMES['dft']} takes minutes.",
        **LINKED,
    )
    found = {}
    for scheme in schemes:
        try:
            charges = (
                charges_by(scheme, molecule) if scheme == "gasteiger" else _of_geometry(scheme, molecule, geometry())
            )
        except VirialffError as error:
            st.info(sentence(error), title=f"{SCHEMES[scheme]} gives no charges here")
            continue
        if charges is not None:
            found[SCHEMES[scheme]] = charges
    return found


def _of_geometry(scheme: str, molecule: Molecule, geometry: Geometry) -> AtomCharges | None:
    if geometry.positions is None:
        return None
    placed = keys.bare(molecule).with_positions(geometry.positions[None])
    key = f"charges_{scheme}_{keys.geometry_key(placed)}"
    slow = scheme == "dft"
    start = partial(
        background.start,
        key,
        tasks.charges,
        scheme,
        keys.bare(molecule),
        geometry.positions,
        title=f"Charges by {SCHEMES[scheme]}",
        lane="long" if slow else "short",
    )
    if not slow:
        background.begin(key, f"Compute {SCHEMES[scheme]}", start)
    elif not background.known(key):
        press.button(f"Compute {SCHEMES[scheme]} (minutes)", start)
        return None
    result: AtomCharges | None = background.show(key)
    return result


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
    molecule: Molecule,
    charges: np.ndarray,
    spread: ChargeSpread | None = None,
    rare: RareAtoms | None = None,
    others: Mapping[str, AtomCharges] | None = None,
) -> None:
    """Charges by atom, coloured as in the structure, and their sum by fragment; its rows are the picked atoms.

    With `spread` its column over the model's members, with `rare` how many training molecules have such an atom; a
    column for each of `others`.
    """
    scale = COMMON_SCALE
    table = charges_table(molecule, charges, spread=spread, rare=rare).drop(
        columns=["element", "rare"], errors="ignore"
    )
    table["atom"] = [atom_name(molecule, atom) for atom in range(molecule.n_atoms)]
    if molecule.n_fragments == 1:
        table = table.drop(columns="fragment")
    first = list(table.columns).index("charge_e") + 1
    for place, (name, other) in enumerate((others or {}).items(), start=first):
        table.insert(place, f"{name} (e)", other.values)
    colored: list[Hashable] = ["charge (e)", *(f"{name} (e)" for name in others or {})]
    collected.table("Partial charges", table.rename(columns=_SHOWN_NAMES))
    styled = table.rename(columns=_SHOWN_NAMES).style
    styled = styled.map(lambda charge: _cell(scale, charge), subset=colored)
    styled = styled.format({**dict.fromkeys(colored, partial(fixed, decimals=4, sign=True)), "spread (e)": "{:.4f}"})
    key = f"charge_rows_{keys.structure_key(molecule)}"
    rows = sorted(picked(molecule))
    if _rows(key) != rows:
        st.session_state[key] = {"selection": {"rows": rows}}
    st.dataframe(
        styled,
        hide_index=True,
        height=_TABLE_HEIGHT,
        key=key,
        on_select=partial(_pick_rows, molecule, key),
        selection_mode="multi-row",
        # The unit stands below, so that the columns fit a phone.
        column_config={
            "atom": st.column_config.Column(pinned=True),
            "spread (e)": st.column_config.Column("±"),
            "training molecules": st.column_config.Column("in training", help="Training molecules with such an atom"),
            **{str(name): st.column_config.Column(str(name).removesuffix(" (e)")) for name in colored},
        },
        alt="Charges of the atoms; a chosen row is picked in the structure",
    )
    said = "All in e."
    if spread is not None:
        said = f"All in e; ±: standard deviation over the model's {spread.n_models} parameter sets."
    if molecule.n_fragments == 1:
        said = f"Sum of the charges: {fixed(charges.sum(), 4, sign=True)} e; a neutral molecule has none. {said}"
    st.caption(f"{said} Choose rows to pick their atoms.")
    if molecule.n_fragments > 1:
        st.markdown("**Sum of the charges by molecule**")
        st.dataframe(fragment_sums(molecule, charges), hide_index=True)
        st.caption("Each molecule is neutral, so its charges should sum to zero.")


def _rows(key: str) -> list[int]:
    state = st.session_state.get(key)
    return sorted(state["selection"].get("rows", [])) if state else []


def _pick_rows(molecule: Molecule, key: str) -> None:
    """Pick the atoms of the chosen rows; those that were picked stay in their order."""
    rows = _rows(key)
    before = [atom for atom in picked(molecule) if atom in rows]
    pick(molecule, [*before, *(atom for atom in rows if atom not in before)])


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
