"""A molecule from a structure editor: a MOL block whose hydrogens are implied and whose coordinates are a drawing."""

from __future__ import annotations

from rdkit import Chem
from rdkit.Chem import rdDepictor

from virialff.errors import NoAtomsError, UnreadableRecordError, ValenceError
from virialff.molecules import checks, rdkit_log
from virialff.molecules.aromaticity import without_hydrogens
from virialff.molecules.checks import DEFAULT_MAX_ATOMS
from virialff.molecules.molecule import Molecule


def molecule_from_drawing(mol_block: str, *, max_atoms: int = DEFAULT_MAX_ATOMS) -> Molecule:
    """Molecule without coordinates from the MOL block of a structure editor; implied hydrogens become explicit.

    Hydrogens are appended after the drawn atoms, as in `Molecule.from_smiles`. Wedges are read as stereochemistry.

    Raises UnreadableRecordError, NoAtomsError (nothing drawn), ValenceError and the MoleculeErrors of
    `virialff.molecules.checks`; atoms are numbered in the order in which they were drawn.
    """
    with rdkit_log.captured() as log:
        mol = Chem.MolFromMolBlock(mol_block, sanitize=False, removeHs=False)
    if mol is None:
        raise UnreadableRecordError(f"the drawing cannot be read ({log.reason()}); draw it again")
    if mol.GetNumAtoms() == 0:
        raise NoAtomsError("the drawing is empty; draw a molecule and press Apply")
    checks.check_size(mol.GetNumAtoms(), max_atoms)
    checks.check_complete(mol)
    checks.check_atoms(mol)
    checks.check_bonds(mol)
    _check_valences(mol)
    with rdkit_log.captured() as log:
        mol = Chem.MolFromMolBlock(mol_block, removeHs=False)
    if mol is None:
        raise UnreadableRecordError(f"the drawing cannot be read ({log.reason()}); draw it again")
    mol.RemoveAllConformers()
    mol.ClearProp("_Name")
    with rdkit_log.captured():
        mol = Chem.AddHs(mol)
    return Molecule.from_rdkit(mol, max_atoms=max_atoms)


def drawing_of(molecule: Molecule) -> str:
    """MOL block with a plane drawing of the molecule without hydrogens on heavy atoms, for a structure editor."""
    with rdkit_log.captured():
        mol = without_hydrogens(molecule.to_rdkit())
    mol.ClearProp("_Name")
    mol.RemoveAllConformers()
    rdDepictor.Compute2DCoords(mol)
    Chem.WedgeMolBonds(mol, mol.GetConformer())
    block: str = Chem.MolToMolBlock(mol)
    return block


def _check_valences(mol: Chem.Mol) -> None:
    with rdkit_log.captured():
        problems = Chem.DetectChemistryProblems(mol)
    for problem in problems:
        if problem.GetType() == "AtomValenceException":
            atom = mol.GetAtomWithIdx(problem.GetAtomIdx())
            name = checks.label(atom.GetSymbol(), atom.GetIdx())
            raise ValenceError(
                f"{name} has too many bonds; remove one or give the atom a charge", atom=atom.GetIdx() + 1
            )
        raise ValenceError(f"{problem.Message()}; correct the bonds")
