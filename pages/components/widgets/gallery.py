"""Complexes with reference energies that ship: S66 and the base pairs, and what is known of them."""

from dataclasses import dataclass
from pathlib import Path

import streamlit as st

from virialff.benchmarks.psi4_databases import PAIRS, read_database
from virialff.benchmarks.reference_data import (
    REFERENCES,
    References,
    coupled_cluster_energies,
    load_references,
    sort_dimers,
)
from virialff.errors import EvaluationSetError
from virialff.molecules.molecule import Molecule

_SETS = ("S66", "JSCH")


@dataclass(frozen=True)
class Entry:
    """A complex of the gallery."""

    database: str
    index: int
    name: str

    @property
    def label(self) -> str:
        return f"{self.database} {self.index}: {self.name}"


def references() -> References:
    """The shipped reference energies; none where the file is missing."""
    if not REFERENCES.is_file():
        return References((), (), ())
    return _references(REFERENCES, REFERENCES.stat().st_mtime_ns)


@st.cache_resource(show_spinner="Reading the references…", max_entries=1)
def _references(path: Path, version: int) -> References:
    return load_references(path)


@st.cache_resource(show_spinner="Reading the gallery…", max_entries=1)
def _gallery(version: int) -> dict[str, tuple[Entry, Molecule | None]]:
    """Complexes by label, from the references and, where it is installed, from psi4-data (then without a molecule)."""
    known = coupled_cluster_energies()
    pairs = {places[0]: pair for pair, places in PAIRS.items()}
    found: dict[tuple[str, int], Molecule | None] = {}
    try:
        for database in _SETS:
            found |= {
                (item.database, item.index): None
                for item in read_database(database)
                if (item.database, item.index) in known
            }
    except EvaluationSetError:
        pass  # The references hold the gallery then.
    for dimer in sort_dimers(references().dimers):
        if dimer.geometry == "vertical":
            found[dimer.database, dimer.index] = dimer.molecule
    entries = {}
    for (database, index), molecule in sorted(found.items(), key=lambda item: (item[0][0] != "JSCH", item[0])):
        name = known[database, index].name if (database, index) in known else ""
        entry = Entry(database, index, pairs.get((database, index), name))
        entries[entry.label] = (entry, molecule)
    return entries


def gallery() -> dict[str, tuple[Entry, Molecule | None]]:
    """Complexes by label; A-T and G-C first."""
    version = REFERENCES.stat().st_mtime_ns if REFERENCES.is_file() else 0
    return _gallery(version)


@st.cache_resource(show_spinner=False, max_entries=80)
def _perceived(database: str, index: int) -> Molecule:
    item = next(entry for entry in read_database(database) if entry.index == index)
    return Molecule.from_rdkit(item.to_rdkit())


def gallery_molecule(label: str) -> Molecule:
    """The complex of a gallery entry. Raises EvaluationSetError where psi4-data has gone since."""
    entry, molecule = gallery()[label]
    return molecule if molecule is not None else _perceived(entry.database, entry.index)
