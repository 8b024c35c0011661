"""A mark beside a result: whether the model was trained for it, is stretched, or outside; with the reason."""

from collections.abc import Collection
from dataclasses import dataclass, replace
from enum import Enum

import numpy as np
import streamlit as st

from pages.components.shell.text import plain
from virialff.models.force_field import Model
from virialff.models.intervals import Uncertainty
from virialff.molecules.environments import RARE_BELOW, RareAtoms
from virialff.molecules.molecule import Molecule

#: Of the errors that the interval in a mark's sentence holds.
_SHARE = 0.95


class Level(Enum):
    """How near a result is to what the model was trained on."""

    TRAINED = "trained for this"
    STRETCHED = "stretched"
    OUTSIDE = "outside"
    UNKNOWN = "not known"


_LOOKS = {
    Level.TRAINED: ("green", ":material/verified:"),
    Level.STRETCHED: ("orange", ":material/warning:"),
    Level.OUTSIDE: ("red", ":material/error:"),
    Level.UNKNOWN: ("gray", ":material/help:"),
}


@dataclass(frozen=True)
class Trust:
    """The level, and its reason as a sentence for people."""

    level: Level
    reason: str


def trust_of(model: Model, molecule: Molecule, atoms: Collection[int] | None = None) -> Trust:
    """How far training covered a molecule, or these of its atoms (from 0).

    trained: the surroundings of each atom were in RARE_BELOW or more molecules of the training, and no bond, rotatable
    bond, ring system or contact is new. outside: surroundings that no molecule of the training had, or a zwitterion.
    stretched: all between. unknown: the model does not say what it was trained on.
    """
    rare = model.rare_atoms(molecule)
    if rare is None:
        return Trust(Level.UNKNOWN, "The model does not say which surroundings of atoms were in its training.")
    if atoms is not None:
        rare = _of_atoms(rare, atoms)
    if not rare.any:
        what = "each atom" if atoms is None else "these atoms"
        return Trust(
            Level.TRAINED,
            f"The surroundings of {what} were in {RARE_BELOW} or more training molecules; no bond, ring or contact is "
            "new.",
        )
    return Trust(Level.OUTSIDE if rare.outside.any() else Level.STRETCHED, rare.sentence)


def pair_levels(model: Model, molecule: Molecule, pairs: np.ndarray) -> list[Level]:
    """The level of each pair of atoms, (n_pairs, 2) from 0: that of the less known of the two."""
    rare = model.rare_atoms(molecule)
    if rare is None:
        return [Level.UNKNOWN] * len(pairs)
    stretched = rare.mask[pairs].any(axis=1)
    outside = rare.outside[pairs].any(axis=1)
    return [
        Level.OUTSIDE if beyond else Level.STRETCHED if rarely else Level.TRAINED
        for rarely, beyond in zip(stretched, outside, strict=True)
    ]


def _of_atoms(rare: RareAtoms, atoms: Collection[int]) -> RareAtoms:
    """What of it touches these atoms."""
    chosen, found = set(atoms), rare.zwitterion
    mask = rare.mask & np.isin(np.arange(len(rare.mask)), list(chosen))
    return replace(
        rare,
        mask=mask,
        new_bonds=tuple(bond for bond in rare.new_bonds if chosen & set(bond)),
        new_parts=tuple(part for part in rare.new_parts if chosen & set(part.atoms)),
        zwitterion=None if found is None or not chosen & {*found.donors, *found.acceptors} else found,
    )


def show_trust(trust: Trust, *, uncertainty: Uncertainty | None = None, more: str = "") -> None:
    """The mark with its reason; an interval where there is one; `more` is a sentence of the page's own."""
    color, icon = _LOOKS[trust.level]
    words = " ".join(filter(None, (plain(trust.reason, limit=1000), _interval(uncertainty), plain(more, limit=400))))
    st.markdown(f":{color}-badge[{icon} {trust.level.value}] :small[{words}]")


def _interval(uncertainty: Uncertainty | None) -> str:
    if uncertainty is None:
        return ""
    widths = uncertainty.intervals().of(_SHARE)
    against = plain(uncertainty.scale.against)
    return f"95 of 100 such energies are within ± {float(np.max(widths)):.1f} kcal/mol of {against}."
