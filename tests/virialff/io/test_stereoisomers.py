"""Stereoisomers stay apart in every format, conformers of one stay together, whatever labels such as R and S say."""

from __future__ import annotations

import io

import numpy as np
import pytest
from rdkit import Chem
from rdkit.Chem import rdDistGeom

from virialff.conformers.generation import generate
from virialff.io.read import group_conformers, read_molecules
from virialff.io.uploads import read_upload
from virialff.molecules.changes import configuration, same_isomer
from virialff.molecules.molecule import Molecule

#: Diastereomers of one atom order; in most the stereocentres have the same label, or none.
PAIRS = {
    "1,4-dimethylcyclohexane": ("C[C@H]1CC[C@@H](C)CC1", "C[C@H]1CC[C@H](C)CC1"),
    "4-methylcyclohexanol": ("C[C@H]1CC[C@@H](O)CC1", "C[C@H]1CC[C@H](O)CC1"),
    "cyclohexane-1,4-diol": ("O[C@H]1CC[C@@H](O)CC1", "O[C@H]1CC[C@H](O)CC1"),
    "1,3-dimethylcyclobutane": ("C[C@H]1C[C@@H](C)C1", "C[C@H]1C[C@H](C)C1"),
    "cyclobutane-1,3-diol": ("O[C@H]1C[C@@H](O)C1", "O[C@H]1C[C@H](O)C1"),
    "3-chlorocyclobutanol": ("Cl[C@H]1C[C@@H](O)C1", "Cl[C@H]1C[C@H](O)C1"),
    "1,3-dimethylcyclopentane": ("C[C@H]1CC[C@@H](C)C1", "C[C@H]1CC[C@H](C)C1"),
    "decalin": ("C1CC[C@@H]2CCCC[C@@H]2C1", "C1CC[C@H]2CCCC[C@@H]2C1"),
    "hydrindane": ("C1CC[C@@H]2CCC[C@@H]2C1", "C1CC[C@H]2CCC[C@@H]2C1"),
    "bicyclo[3.3.0]octanediol": ("O[C@H]1CC[C@H]2[C@@H]1CC[C@@H]2O", "O[C@H]1CC[C@H]2[C@@H]1CC[C@H]2O"),
    "myo- and scyllo-inositol": (
        "O[C@H]1[C@H](O)[C@@H](O)[C@H](O)[C@H](O)[C@@H]1O",
        "O[C@H]1[C@H](O)[C@@H](O)[C@H](O)[C@@H](O)[C@@H]1O",
    ),
    "epi- and cis-inositol": (
        "O[C@H]1[C@@H](O)[C@H](O)[C@@H](O)[C@H](O)[C@@H]1O",
        "O[C@H]1[C@@H](O)[C@@H](O)[C@@H](O)[C@H](O)[C@@H]1O",
    ),
    "4-methylthiane 1-oxide": ("C[C@H]1CC[S@](=O)CC1", "C[C@H]1CC[S@@](=O)CC1"),
    "1,4-dithiane 1,4-dioxide": ("O=[S@]1CC[S@](=O)CC1", "O=[S@]1CC[S@@](=O)CC1"),
    "3-methylthietane 1-oxide": ("C[C@H]1C[S@](=O)C1", "C[C@H]1C[S@@](=O)C1"),
    "1,4-dimethylpiperazine 1,4-dioxide": ("C[N@+]1([O-])CC[N@+](C)([O-])CC1", "C[N@+]1([O-])CC[N@@+](C)([O-])CC1"),
    "1,4-dimethylpiperidine 1-oxide": ("C[C@H]1CC[N@+](C)([O-])CC1", "C[C@H]1CC[N@@+](C)([O-])CC1"),
    "1,4-dimethylphosphinane 1-oxide": ("C[C@H]1CC[P@](C)(=O)CC1", "C[C@H]1CC[P@@](C)(=O)CC1"),
    "1,6-dimethylspiro[4.4]nonane": ("C[C@H]1CCC[C@]12CCC[C@H]2C", "C[C@H]1CCC[C@]12CCC[C@@H]2C"),
    "2,5-dimethyl-1,3-dioxane": ("C[C@H]1OC[C@@H](C)CO1", "C[C@H]1OC[C@H](C)CO1"),
    "norbornanol": ("O[C@H]1C[C@H]2CC[C@@H]1C2", "O[C@@H]1C[C@H]2CC[C@@H]1C2"),
}


def sdf(molecules: list[Molecule]) -> str:
    blocks: list[str] = []
    for molecule in molecules:
        mol = molecule.to_rdkit()
        blocks += [Chem.MolToMolBlock(mol, confId=c.GetId()) + "$$$$\n" for c in mol.GetConformers()]
    return "".join(blocks)


def xyz(molecules: list[Molecule]) -> str:
    return "".join(
        Chem.MolToXYZBlock(mol, confId=c.GetId())
        for mol in (molecule.to_rdkit() for molecule in molecules)
        for c in mol.GetConformers()
    )


def pdb(molecules: list[Molecule]) -> str:
    blocks: list[str] = []
    for molecule in molecules:
        mol = molecule.to_rdkit()
        for c in mol.GetConformers():
            text = Chem.MolToPDBBlock(mol, confId=c.GetId())
            atoms = [line for line in text.splitlines() if line.startswith("HETATM")]
            blocks.append("\n".join([f"MODEL     {len(blocks) + 1:4}", *atoms, "ENDMDL\n"]))
    return "".join(blocks)


def read(text: str, kind: str) -> list[Molecule]:
    items = list(read_molecules(io.StringIO(text), format=kind))
    assert all(isinstance(item, Molecule) for item in items), items
    return [item for item in items if isinstance(item, Molecule)]


@pytest.mark.parametrize("smiles", PAIRS.values(), ids=PAIRS)
def test_diastereomers_are_two_molecules_in_five_formats(smiles: tuple[str, str]) -> None:
    both = [generate(Molecule.from_smiles(text), 3) for text in smiles]
    counts = [molecule.n_conformers for molecule in both]
    assert not both[0].same_structure(both[1])
    for kind, text in (("sdf", sdf(both)), ("xyz", xyz(both)), ("pdb", pdb(both))):
        grouped = list(group_conformers(read(text, kind)))
        assert [molecule.n_conformers for molecule in grouped] == counts, kind
        assert [molecule.smiles for molecule in grouped] == [molecule.smiles for molecule in both], kind
    for found in (
        [read(sdf([molecule.with_positions(molecule.positions[0])])[:-5], "mol")[0] for molecule in both],
        read("\n".join(smiles), "smi"),
    ):
        assert not found[0].same_structure(found[1])
        assert found[0].smiles != found[1].smiles
        assert found[0].inchikey != found[1].inchikey


@pytest.mark.parametrize(
    ("smiles", "n_isomers"),
    [
        ("CC=C1CCC(=CC)CC1", 2),  # cis, trans
        ("CC=C1CC(=CC)C1", 2),
        ("CC1CC2(C1)CC1(C2)CC(C)C1", 2),  # cis, trans
        ("CC1CC2(C1)CC(C)C2", 2),  # mirror images
        ("CC=C=CC", 2),  # mirror images
        ("CC=C=C=CC", 2),  # cis, trans
        ("CC1CCC(C)CC1", 2),
        ("OC(=O)C(O)C(O)C(=O)O", 3),
        ("C12CC(C1)C2", 1),
        ("CC(C)(C)C", 1),
    ],
)
def test_geometries_tell_what_a_formula_cannot_hold(smiles: str, n_isomers: int) -> None:
    mol = Chem.AddHs(Chem.MolFromSmiles(smiles))
    rdDistGeom.EmbedMultipleConfs(mol, 40, randomSeed=5)
    molecule = Molecule.from_rdkit(mol)
    found: list[dict[tuple[int, ...], bool]] = []
    for geometry in molecule.positions:
        seen = configuration(molecule, geometry)
        if not any(same_isomer(molecule, seen, other) for other in found):
            found.append(seen)
    assert len(found) == n_isomers


@pytest.mark.parametrize("smiles", ["NC(Cc1ccc(O)cc1)C(=O)O", "CC(O)CC", "CC1CCC(C)CC1", "FC(Cl)C=CC"])
def test_conformers_of_a_racemic_formula_are_grouped_by_isomer(smiles: str) -> None:
    mol = Chem.AddHs(Chem.MolFromSmiles(smiles))
    rdDistGeom.EmbedMultipleConfs(mol, 25, randomSeed=5)
    molecule = Molecule.from_rdkit(mol)
    upload = read_upload(sdf([molecule]).encode(), "racemate.sdf")
    grouped = upload.molecules
    assert sum(part.n_conformers for part in grouped) == 25
    assert len(grouped) == (4 if "C=C" in smiles else 2)
    # RDKit writes the double bond as one of either side, and the file's word stands in the SMILES.
    assert len({part.smiles for part in grouped}) == 2
    for part in grouped:
        first = configuration(part, part.positions[0])
        assert all(same_isomer(part, first, configuration(part, geometry)) for geometry in part.positions)


def test_the_isomers_of_a_file_are_counted() -> None:
    left, right = (generate(Molecule.from_smiles(s), 3) for s in ("CC[C@H](F)CO", "CC[C@@H](F)CO"))
    cis, trans = (generate(Molecule.from_smiles(s), 1) for s in PAIRS["1,3-dimethylcyclobutane"])
    water = generate(Molecule.from_smiles("O"), 1)
    first = Chem.FindMolChiralCenters(left.to_rdkit())[0][1]
    notes = read_upload(sdf([left, right, right, water, cis, trans]).encode(), "a.sdf").notes
    n = left.n_conformers
    assert notes == (
        f"C4H9FO is there as 2 stereoisomers, {first}: {n}, {'R' if first == 'S' else 'S'}: {2 * n}",
        "C6H12 is there as 2 stereoisomers, 1: 1, 2: 1",
    )


def test_a_molecule_between_ends_a_group() -> None:
    left, right, water = (generate(Molecule.from_smiles(s), 1) for s in ("C[C@H](F)Cl", "C[C@@H](F)Cl", "O"))
    grouped = list(group_conformers([left, right, left, water, left]))
    assert [part.n_conformers for part in grouped] == [2, 1, 1, 1]
    np.testing.assert_array_equal(grouped[0].positions[1], left.positions[0])
