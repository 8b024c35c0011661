"""Draws of molecules from a label store."""

import pytest

from tests.virialff.labels.sample_labels import sample_label
from virialff.errors import DatasetError, StoreError
from virialff.labels.molecule_samples import draw_molecules, unmapped_smiles
from virialff.labels.splits import split_of
from virialff.labels.store import LabelStore
from virialff.molecules.molecule import Molecule
from virialff.settings import ASSETS

STORE = ASSETS / "data" / "dft.parquet"
FRACTIONS = (0.4, 0.3, 0.3)


def test_the_same_seed_draws_the_same_and_more_only_adds():
    few = draw_molecules(STORE, 3, split=None, seed=4)
    more = draw_molecules(STORE, 6, split=None, seed=4)
    assert more.smiles[:3] == few.smiles
    assert len(set(more.smiles)) == 6
    assert draw_molecules(STORE, 3, split=None, seed=5).smiles != few.smiles


def test_split_holds_its_molecules_alone():
    parts = [draw_molecules(STORE, 10_000, split=s, fractions=FRACTIONS) for s in ("train", "validation", "test")]
    whole = draw_molecules(STORE, 10_000, split=None)
    assert sum(part.n_available for part in parts) == whole.n_available == len(whole.smiles)
    for smiles in parts[2].smiles:
        assert split_of(Molecule.from_smiles(smiles).inchikey, seed=0, fractions=FRACTIONS) == "test"


def test_atom_maps_and_explicit_hydrogens_are_removed():
    assert unmapped_smiles("[C:1]([O:2][H:6])([H:3])([H:4])[H:5]") == "CO"


def test_what_cannot_be_drawn(tmp_path):
    with LabelStore(tmp_path / "molecules").writer("a") as writer:
        writer.append([sample_label("first", 0)])
        writer.finish()
    with pytest.raises(DatasetError, match="no complexes"):
        draw_molecules(tmp_path / "molecules", 5, contents="complexes", split=None)
    with pytest.raises(StoreError):
        draw_molecules(tmp_path / "nothing", 5)
    with pytest.raises(ValueError, match="count"):
        draw_molecules(STORE, 0)
