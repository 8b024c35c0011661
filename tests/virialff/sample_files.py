"""Molecules in the formats that are read, made by RDKit."""

import io

from rdkit import Chem
from rdkit.Chem import rdDistGeom

from virialff.io.read import read_molecules


def embedded(smiles, n_conformers=1, name=""):
    mol = Chem.AddHs(Chem.MolFromSmiles(smiles))
    rdDistGeom.EmbedMultipleConfs(mol, n_conformers, randomSeed=6)
    mol.SetProp("_Name", name)
    return mol


def sdf(*mols, v3000=False):
    write = Chem.MolToV3KMolBlock if v3000 else Chem.MolToMolBlock
    return "".join(write(mol, confId=c.GetId()) + "$$$$\n" for mol in mols for c in mol.GetConformers())


def xyz(mol):
    return "".join(Chem.MolToXYZBlock(mol, confId=c.GetId()) for c in mol.GetConformers())


def read(content, format=None, **options):
    data = content if isinstance(content, bytes) else content.encode()
    return list(read_molecules(io.BytesIO(data), format=format, **options))


ALANINE = embedded("C[C@H](N)C(=O)O", 3, "alanine")
NITRO = embedded("O=[N+]([O-])c1ccc(S(N)(=O)=O)cc1", 1, "nitro")
WATER_XYZ = "3\nwater\nO 0.0 0.0 0.0\nH 0.0 0.757 0.587\nH 0.0 -0.757 0.587\n"
