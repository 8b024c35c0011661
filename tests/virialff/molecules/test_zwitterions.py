"""Molecules drawn as zwitterions: the proton that belongs elsewhere, and charges that are none of that."""

import pytest

from virialff.molecules.molecule import Molecule
from virialff.molecules.zwitterions import zwitterion


@pytest.mark.parametrize(
    ("drawn", "donors", "acceptors", "neutral"),
    [
        ("[NH3+]CC(=O)[O-]", (0,), (4,), "NCC(=O)O"),
        ("C[C@H]([NH3+])C(=O)[O-]", (2,), (5,), "C[C@H](N)C(=O)O"),
        ("C[NH+](C)CC(=O)[O-]", (1,), (6,), "CN(C)CC(=O)O"),
        ("[NH3+]CCS(=O)(=O)[O-]", (0,), (6,), "NCCS(=O)(=O)O"),
        ("[NH3+]S(=O)(=O)[O-]", (0,), (4,), "NS(=O)(=O)O"),
        ("[NH3+]CCP(=O)(O)[O-]", (0,), (6,), "NCCP(=O)(O)O"),
        ("[NH3+]CC[S-]", (0,), (3,), "NCCS"),
        ("C[PH+](C)CC(=O)[O-]", (1,), (6,), "CP(C)CC(=O)O"),
        ("[O-]c1ccc[nH+]c1", (5,), (0,), "Oc1cccnc1"),
        # The charge is drawn on the nitrogen without a proton.
        ("C[n+]1cc[nH]c1C(=O)[O-]", (4,), (8,), "Cn1ccnc1C(=O)O"),
        ("NC(=[NH2+])NCCC[C@H](N)C(=O)[O-]", (0,), (11,), "N=C(N)NCCC[C@H](N)C(=O)O"),
        # In a complex.
        ("O.[NH3+]CC(=O)[O-]", (1,), (5,), "NCC(=O)O.O"),
        # Two protons.
        ("[NH3+]CC([NH3+])(C(=O)[O-])C(=O)[O-]", (0, 3), (6, 9), "NCC(N)(C(=O)O)C(=O)O"),
        # A zwitterion with a nitro group, whose charges stay.
        ("[NH3+]C(C[N+](=O)[O-])C(=O)[O-]", (0,), (8,), "NC(C[N+](=O)[O-])C(=O)O"),
    ],
)
def test_protons_that_belong_elsewhere(drawn, donors, acceptors, neutral):
    assert zwitterion(Molecule.from_smiles(drawn)) == (donors, acceptors, Molecule.from_smiles(neutral).smiles)


@pytest.mark.parametrize(
    "drawn",
    [
        "NCC(=O)O",
        "C[N+](=O)[O-]",
        "Nc1ccc(cc1)[N+](=O)[O-]",
        "O=[N+]([O-])c1ccc(O)cc1",
        "[O-][n+]1ccccc1",
        "C[NH+](C)[O-]",
        "C=[NH+][O-]",
        "[C-]#[N+]C",
        "[C-]#[O+]",
        "CN=[N+]=[N-]",
        "C=[N+]=[N-]",
        "[O-][O+]=O",
        "C[S+](C)[O-]",
        "C[P+](C)(C)[CH2-]",
        "[CH2-][N+](C)(C)C",
        # Zwitterions without a proton that could move.
        "C[N+](C)(C)CC(=O)[O-]",
        "[O-]C(=O)c1ccccc1[N+]#N",
        "[O-]c1c[n+](C)no1",
        # Another Lewis structure is without charges.
        "[O-]c1cc[nH+]cc1",
        "[NH2+]=C[O-]",
    ],
)
def test_other_charges_are_no_misplaced_protons(drawn):
    assert zwitterion(Molecule.from_smiles(drawn)) is None
