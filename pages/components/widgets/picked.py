"""The atoms that a user picked in the structure: the same on every page, for each structure of the session."""

from collections.abc import Sequence

import numpy as np
import streamlit as st

from virialff.molecules import keys
from virialff.molecules.coordinates import angle, torsion
from virialff.molecules.molecule import Molecule

#: A torsion has four atoms.
MOST_PICKED = 4
_PICKED = "picked_atoms"


def picked(molecule: Molecule) -> tuple[int, ...]:
    """The picked atoms, from 0, in the order in which they were picked; at most MOST_PICKED."""
    atoms: tuple[int, ...] = st.session_state.get(_PICKED, {}).get(keys.structure_key(molecule), ())
    return tuple(atom for atom in atoms if 0 <= atom < molecule.n_atoms)


def pick(molecule: Molecule, atoms: Sequence[int]) -> None:
    """Make these the picked atoms (from 0) of the structure: the last MOST_PICKED of them, each once.

    To be called in callbacks, or before the structure is drawn.
    """
    pick_by_key(keys.structure_key(molecule), [atom for atom in atoms if 0 <= atom < molecule.n_atoms])


def pick_by_key(structure_key: str, atoms: Sequence[int]) -> None:
    """The same for a structure by its `keys.structure_key`."""
    chosen: dict[str, tuple[int, ...]] = st.session_state.setdefault(_PICKED, {})
    chosen[structure_key] = tuple(dict.fromkeys(int(atom) for atom in atoms))[-MOST_PICKED:]


def pick_row(key: str, molecule: Molecule, pairs: np.ndarray) -> None:
    """For on_select of a table with this key, a row a pair of atoms (n_pairs, 2) from 0: pick those of its row."""
    rows = st.session_state[key].selection.rows
    pick(molecule, pairs[rows[0]].tolist() if rows else [])


def atom_name(molecule: Molecule, atom: int) -> str:
    """What an atom (from 0) is called: "C1", "O12"."""
    return f"{molecule.symbols[atom]}{atom + 1}"


def measured(molecule: Molecule, positions: np.ndarray | None, atoms: Sequence[int]) -> str:
    """The picked atoms in words, with the distance, angle or torsion between them in positions (n_atoms, 3), A."""
    names = "–".join(atom_name(molecule, atom) for atom in atoms)
    if positions is None or len(atoms) < 2:
        return names
    points = np.asarray(positions, dtype=np.float64)[list(atoms)]
    if len(atoms) == 2:
        return f"distance {names}: {np.linalg.norm(points[0] - points[1]):.3f} Å"
    if len(atoms) == 3:
        return f"angle {names}: {angle(*points):.1f}°"
    return f"torsion {names}: {torsion(*points):.1f}°".replace("-", "−")
