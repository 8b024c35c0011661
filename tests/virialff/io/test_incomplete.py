"""Parts, patterns and polymers are refused, never completed; aromatic bonds outside rings are the usual form."""

import pytest
from rdkit import Chem

from tests.virialff.sample_files import embedded, read, sdf
from virialff.conformers.generation import search
from virialff.errors import IncompleteStructureError, MoleculeError, UnsupportedElementError, ValenceError
from virialff.io.drawing import molecule_from_drawing
from virialff.molecules import keys
from virialff.molecules.molecule import Molecule


def block(properties="", second="O", bond="  1  2  1  0"):
    return (
        "\n  test    2D\n\n  2  1  0  0  0  0            999 V2000\n"
        "    0.0000    0.0000    0.0000 C   0  0\n"
        f"    1.5000    0.0000    0.0000 {second:<3} 0  0\n{bond}\n{properties}M  END\n"
    )


def v3000(first="", bond="", after=""):
    return (
        "\n  test    2D\n\n  0  0  0     0  0            999 V3000\nM  V30 BEGIN CTAB\nM  V30 COUNTS 3 2 0 0 0\n"
        f"M  V30 BEGIN ATOM\nM  V30 1 C 0 0 0 0{first}\nM  V30 2 C 1.5 0 0 0\nM  V30 3 O 3 0 0 0\nM  V30 END ATOM\n"
        f"M  V30 BEGIN BOND\nM  V30 1 1 1 2{bond}\nM  V30 2 1 2 3\nM  V30 END BOND\n{after}M  V30 END CTAB\nM  END\n"
    )


SRU = "M  STY  1   1 {}\nM  SAL   1  1   1\nM  SBL   1  1   1\nM  SMT   1 n\n"
INCOMPLETE = [
    (block("M  APO  1   2   1\n"), "atom 2 (O) has an attachment point"),
    (block(SRU.format("SRU")), "type SRU"),
    (block(SRU.format("MON")), "type MON"),
    (block(SRU.format("COP")), "type COP"),
    (block(SRU.format("MIX")), "type MIX"),
    (block(SRU.format("GEN")), "type GEN"),
    (block("M  LIN  1   1   2   2   1\n"), "link node"),
    (block("M  SUB  1   1   2\n"), "atom 1 (C) is a query atom"),
    (block("M  UNS  1   1   1\n"), "atom 1 (C) is a query atom"),
    (block("M  RBC  1   1   2\n"), "atom 1 (C) is a query atom"),
    (block("M  RGP  1   2   1\n", "R#"), "is an R group"),
    (block(second="A"), "is a query atom"),
    (block(second="Q"), "is a query atom"),
    (block("M  ALS   2  2 F O   S   \n", "L"), "is a query atom"),
    (block(bond="  1  2  5  0"), "is of type"),
    (block(bond="  1  2  8  0"), "is of type"),
    (v3000(first=" ATTCHPT=1"), "atom 1 (C) has an attachment point"),
    (v3000(first=" SUBST=2"), "is a query atom"),
    (v3000(bond=" ENDPTS=(2 2 3) ATTACH=ANY"), "several possible ends"),
    (v3000(after="M  V30 LINKNODE 1 3 2 2 1 2 3\n"), "link node"),
    *(
        (block(f"A    2\n{alias}\n", "C"), f"atom 2 (C) is written as {alias!r}, which stands for a group")
        for alias in ("CF3", "COOH", "CN", "Ph", "Me", "R1", "OMe", "Boc")
    ),
]


@pytest.mark.parametrize(("text", "words"), INCOMPLETE)
def test_incomplete_records_are_refused(text, words):
    for add_hydrogens in (False, True):
        (error,) = read(text, "sdf", add_hydrogens=add_hydrogens)
        assert isinstance(error, MoleculeError)
        assert words in str(error)
    with pytest.raises(MoleculeError):
        molecule_from_drawing(text)


@pytest.mark.parametrize("alias", ["C", "CH3", "H3C", "C2", "C1'"])
def test_labels_that_name_the_atom_are_no_groups(alias):
    (molecule,) = read(block(f"A    2\n{alias}\n", "C"), "sdf", add_hydrogens=True)
    assert molecule.smiles == "CC"


@pytest.mark.parametrize(
    "smiles",
    ["CC |$;_AP1$|", "CCO |Sg:n:1:n:ht|", "CCC |LN:1:1.3|", "CC.CC |m:2:1.0|", "CC |$;R1$|", "CCO |Sg:mon:0,1,2::|"],
)
def test_incomplete_smiles_are_refused(smiles):
    with pytest.raises(IncompleteStructureError, match="draw one complete molecule"):
        Molecule.from_smiles(smiles)


@pytest.mark.parametrize("smiles", ["*C", "[*:1]CC", "CC[*]"])
def test_open_ends_of_smiles_are_refused(smiles):
    with pytest.raises(UnsupportedElementError):
        Molecule.from_smiles(smiles)


@pytest.mark.parametrize("kind", ["DAT", "SUP"])
def test_data_and_abbreviations_are_no_fault(kind):
    (molecule,) = read(block(f"M  STY  1   1 {kind}\nM  SAL   1  1   1\nM  SMT   1 Me\n"), "sdf", add_hydrogens=True)
    assert molecule.formula == "CH4O"


# --- bonds of type 4 ---


def with_type_4(smiles, groups):
    """The MOL block of a geometry with bonds of type 4 and no charges where SMARTS match."""
    mol = embedded(smiles)
    Chem.Kekulize(mol, clearAromaticFlags=True)
    pairs = [mol.GetSubstructMatch(Chem.MolFromSmarts(group)) for group in groups]
    assert all(pairs)
    lines = []
    for line in sdf(mol).splitlines():
        words = line.split()
        if line.startswith("M  CHG"):
            continue
        if len(words) == 4 and any({int(words[0]) - 1, int(words[1]) - 1} == set(pair) for pair in pairs):
            line = line[:6] + "  4" + line[9:]
        lines.append(line)
    return "\n".join(lines) + "\n"


@pytest.mark.parametrize(
    ("smiles", "groups"),
    [
        ("C[N+](=O)[O-]", ["N=O", "N[O-]"]),
        ("O=[N+]([O-])c1ccccc1", ["N=O", "N[O-]"]),
        ("O=[N+]([O-])c1ccc(N)cc1", ["N=O", "[N+][O-]"]),
        ("C[N+](C)(C)CC(=O)[O-]", ["C=O", "C[O-]"]),
        ("NC(=O)C", ["C=O", "C[NH2]"]),
        ("NC(=N)N", ["C=N"]),
        ("C=CC=C", ["C=C"]),
        ("CS(C)(=O)=O", ["S=O"]),
    ],
)
def test_aromatic_bonds_outside_rings_are_the_usual_form(smiles, groups):
    usual = Molecule.from_smiles(smiles)
    (molecule,) = read(with_type_4(smiles, groups), "sdf")
    assert isinstance(molecule, Molecule), molecule
    assert (molecule.smiles, molecule.inchikey) == (usual.smiles, usual.inchikey)
    assert keys.graph_key(molecule) == keys.graph_key(usual)
    assert keys.structure_key(molecule) == keys.structure_key(usual)
    flat = molecule.with_positions(molecule.positions[:0])
    assert search(flat, 1).energies[0] == pytest.approx(search(usual, 1).energies[0], abs=1e-3)


def test_aromatic_bonds_that_fit_nothing_are_named():
    for add_hydrogens in (False, True):
        (error,) = read(block(bond="  1  2  4  0"), "sdf", add_hydrogens=add_hydrogens)
        assert isinstance(error, ValenceError)
        assert "has an aromatic bond outside a ring" in str(error)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("CS(C)=O", "C[S+](C)[O-]"),
        ("C=P(C)(C)C", "[CH2-][P+](C)(C)C"),
        ("C=S(C)C", "[CH2-][S+](C)C"),
        ("CP(C)(C)=O", "C[P+](C)(C)[O-]"),
        ("C[N+](=O)[O-]", "CN(=O)=O"),
        ("CN=[N+]=[N-]", "CN=N#N"),
        ("C=[N+]=[N-]", "[CH2-][N+]#N"),
        ("CS(C)(=O)=O", "C[S+2](C)([O-])[O-]"),
        ("CN1C=CC(=O)C=C1", "C[n+]1ccc([O-])cc1"),
    ],
)
def test_two_drawings_are_one_molecule(one, other):
    first, second = Molecule.from_smiles(one), Molecule.from_smiles(other)
    assert (first.smiles, first.inchikey) == (second.smiles, second.inchikey)
    assert sorted(first.orders) == sorted(second.orders)
    assert search(first, 1).energies[0] == pytest.approx(search(second, 1).energies[0], abs=1e-2)
