"""A bounded, seeded draw of molecules or complexes from one split of a label store, as SMILES."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import pyarrow.compute as pc
from rdkit import Chem

from virialff.errors import DatasetError
from virialff.labels.splits import DEFAULT_FRACTIONS, MONOMERS, SPLITS, Fractions, Split, split_of_record
from virialff.labels.store import LabelStore
from virialff.molecules import rdkit_log

#: What to draw: single molecules, or complexes of several.
Contents = Literal["molecules", "complexes"]
#: Most molecules of one draw.
MAX_MOLECULES = 10_000
_COLUMNS = ("inchikeys", "smiles", "source", "failure")


@dataclass(frozen=True)
class MoleculeDraw:
    """SMILES of the molecules drawn, in the order of the draw, and how many there were to draw from."""

    smiles: tuple[str, ...]
    n_available: int


def draw_molecules(
    path: Path | str,
    count: int,
    *,
    split: Split | None = "test",
    contents: Contents = "molecules",
    seed: int = 1,
    split_seed: int = 0,
    fractions: Fractions = DEFAULT_FRACTIONS,
) -> MoleculeDraw:
    """Draw different molecules of a split from a label store; only four columns are read.

    Parameters
    ----------
    path : path_like
        A label store, or a Parquet file of labels.
    count : int
        How many, 1 to MAX_MOLECULES. A larger count only adds further ones.
    split : {"train", "validation", "test"}, optional
        As training divides the rows (`virialff.labels.splits.split_of_record`); None for all.
    contents : {"molecules", "complexes"}, optional
        What to draw.
    seed : int, optional
        Of the draw.
    split_seed, fractions : optional
        Of the split.

    Returns
    -------
    MoleculeDraw
        SMILES in the order of the draw, and how many there were to draw from.

    Raises
    ------
    ValueError
        If `count` is out of range.
    DatasetError
        If there is no such molecule.
    StoreError
        If the store cannot be read.
    """
    if not 1 <= count <= MAX_MOLECULES:
        raise ValueError(f"count must be from 1 to {MAX_MOLECULES}, got {count}")
    found: dict[str, str] = {}
    monomers: set[str] = set()
    for table in LabelStore(path).tables(_COLUMNS):
        table = table.filter(pc.is_null(table["failure"]))
        own = table.filter(pc.equal(table["source"], MONOMERS))
        monomers.update(keys[0] for keys in own["inchikeys"].to_pylist())
        several = pc.greater(pc.list_value_length(table["inchikeys"]), 1)
        table = table.filter(several if contents == "complexes" else pc.invert(several))
        for keys, smiles in zip(table["inchikeys"].to_pylist(), table["smiles"].to_pylist(), strict=True):
            found.setdefault("+".join(sorted(keys)), smiles)
    members = [
        key
        for key in found
        if split is None
        or split_of_record(key.split("+"), always_train=monomers, seed=split_seed, fractions=fractions) == split
    ]
    if not members:
        place = f"the split {split} of {path}" if split in SPLITS else str(path)
        raise DatasetError(f"There are no {contents} in {place}; choose another split or data set.")
    drawn = sorted(members, key=lambda key: hashlib.sha256(f"{seed}:{key}".encode()).digest())[:count]
    return MoleculeDraw(tuple(unmapped_smiles(found[key]) for key in drawn), len(members))


def unmapped_smiles(smiles: str) -> str:
    """Canonical SMILES without atom maps and explicit hydrogens."""
    with rdkit_log.captured():
        mol = Chem.MolFromSmiles(smiles)
        for atom in mol.GetAtoms():
            atom.SetAtomMapNum(0)
        text: str = Chem.MolToSmiles(Chem.RemoveHs(mol))
    return text
