"""RDKit's sanitization in a time that does not grow with the sixth power of the rings of a molecule.

RDKit's aromaticity tries every choice of up to six rings of a ring system: seconds for 37 rings that are not aromatic
throughout, minutes for 61. Beyond MOST_FUSED_RINGS each ring is judged alone. `virialff.molecules.resonance` counts
what is delocalized over several rings all the same.
"""

from __future__ import annotations

import numpy as np
from rdkit import Chem

from virialff.elements import MOST_BONDS
from virialff.molecules.rdkit_items import atoms_of, bonds_of
from virialff.molecules.topology import fragment_indices

#: Rings of one conjugated ring system that are tried together: those of C60.
MOST_FUSED_RINGS = 32
_STEPS = Chem.SanitizeFlags
_BEFORE = (
    _STEPS.SANITIZE_CLEANUP
    | _STEPS.SANITIZE_PROPERTIES
    | _STEPS.SANITIZE_SYMMRINGS
    | _STEPS.SANITIZE_KEKULIZE
    | _STEPS.SANITIZE_FINDRADICALS
)
_AFTER = _STEPS.SANITIZE_ALL & ~_BEFORE & ~_STEPS.SANITIZE_SETAROMATICITY


def sanitize(mol: Chem.Mol) -> None:
    """`Chem.SanitizeMol` in place. Raises Chem.MolSanitizeException as that does."""
    if not is_wide(mol):
        Chem.SanitizeMol(mol)
        return
    Chem.SanitizeMol(mol, _BEFORE)
    Chem.SetAromaticity(mol, Chem.AromaticityModel.AROMATICITY_SIMPLE)
    Chem.SanitizeMol(mol, _AFTER)


def set_aromaticity(mol: Chem.Mol) -> None:
    """`Chem.SetAromaticity` of a molecule whose rings have been found, in place."""
    if is_wide(mol):
        Chem.SetAromaticity(mol, Chem.AromaticityModel.AROMATICITY_SIMPLE)
    else:
        Chem.SetAromaticity(mol)


def without_hydrogens(mol: Chem.Mol, parameters: Chem.RemoveHsParameters | None = None) -> Chem.Mol:
    """A copy of a sanitized molecule by `Chem.RemoveHs`."""
    parameters = parameters or Chem.RemoveHsParameters()
    if not is_wide(mol):
        return Chem.RemoveHs(mol, parameters)
    bare = Chem.RemoveHs(mol, parameters, sanitize=False)
    # What is aromatic stays so: RDKit's search for alternating bonds gives up in systems as wide.
    bare.UpdatePropertyCache(strict=False)
    Chem.GetSymmSSSR(bare)
    return bare


def from_smiles(text: str, parameters: Chem.SmilesParserParams | None = None) -> Chem.Mol | None:
    """`Chem.MolFromSmiles`: sanitized, with stereochemistry; None for what RDKit does not read."""
    parameters = parameters or Chem.SmilesParserParams()
    # Each ring has its two digits in the text.
    if sum(character.isdigit() for character in text) < 2 * MOST_FUSED_RINGS:
        return Chem.MolFromSmiles(text, parameters)
    plain = Chem.SmilesParserParams()
    plain.sanitize = plain.removeHs = False
    plain.strictCXSMILES = parameters.strictCXSMILES
    mol = Chem.MolFromSmiles(text, plain)
    if mol is not None and any(atom.GetDegree() > MOST_BONDS for atom in atoms_of(mol)):
        # RDKit would seek the rings of such a net without an end.
        return None
    if mol is None or not is_wide(mol):
        return None if mol is None else Chem.MolFromSmiles(text, parameters)
    try:
        sanitize(mol)
    except Chem.MolSanitizeException:
        return None
    Chem.AssignStereochemistry(mol, cleanIt=True, force=True)
    return without_hydrogens(mol) if parameters.removeHs else mol


def is_wide(mol: Chem.Mol) -> bool:
    """Whether a ring system of atoms that may be conjugated has more than MOST_FUSED_RINGS rings."""
    if mol.GetNumBonds() - mol.GetNumAtoms() < MOST_FUSED_RINGS:
        return False
    probe = Chem.Mol(mol)
    Chem.FastFindRings(probe)
    open_atoms = np.array([not _is_saturated(atom) for atom in atoms_of(probe)])
    pairs = np.array([(b.GetBeginAtomIdx(), b.GetEndAtomIdx()) for b in bonds_of(probe) if b.IsInRing()])
    pairs = pairs[open_atoms[pairs].all(axis=1)] if len(pairs) else pairs.reshape(0, 2)
    systems = fragment_indices(len(open_atoms), pairs)
    # A system has as many rings as bonds that close one.
    closures = np.bincount(systems[pairs[:, 0]], minlength=len(open_atoms)) - np.bincount(
        systems, minlength=len(open_atoms)
    )
    return int(closures.max()) + 1 > MOST_FUSED_RINGS


def _is_saturated(atom: Chem.Atom) -> bool:
    return atom.GetAtomicNum() == 1 or (atom.GetAtomicNum() == 6 and atom.GetDegree() > 3)
