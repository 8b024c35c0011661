"""One molecule from a line that somebody typed: SMILES, InChI, or the name of a shipped example."""

from __future__ import annotations

from rdkit import Chem

from virialff.errors import UnreadableRecordError
from virialff.io.examples import Example, examples
from virialff.molecules import checks, rdkit_log
from virialff.molecules.checks import DEFAULT_MAX_ATOMS
from virialff.molecules.molecule import Molecule
from virialff.text import shortened

_INCHI = "InChI="
_SHOWN_CHARACTERS = 60
#: Of an InChI that is read; one of the largest molecule that is treated has some hundred.
_LONGEST_INCHI = 4000


def molecule_from_inchi(text: str, *, max_atoms: int = DEFAULT_MAX_ATOMS) -> Molecule:
    """Molecule without coordinates from an InChI; heavy atoms have its numbers, hydrogens follow them.

    Raises UnreadableRecordError and the MoleculeErrors of `virialff.molecules.checks`.
    """
    shown = shortened(text, _SHOWN_CHARACTERS)
    if len(text) > _LONGEST_INCHI:
        raise UnreadableRecordError(f"the InChI {shown!r} has {len(text)} characters; give a smaller molecule")
    with rdkit_log.captured():
        mol = Chem.MolFromInchi(_INCHI + text.strip()[len(_INCHI) :], removeHs=False)
    if mol is None or mol.GetNumAtoms() == 0:
        raise UnreadableRecordError(f"the InChI {shown!r} cannot be read; check its spelling")
    checks.check_size(mol.GetNumAtoms(), max_atoms)
    with rdkit_log.captured():
        mol = Chem.AddHs(mol)
    return Molecule.from_rdkit(mol, max_atoms=max_atoms)


def example_named(text: str) -> Example | None:
    """The shipped example of this name, in capitals or not."""
    name = " ".join(text.split()).casefold()
    return next((example for example in examples() if example.name.casefold() == name), None)


def molecule_from_text(text: str, *, max_atoms: int = DEFAULT_MAX_ATOMS) -> Molecule:
    """Molecule of a typed line: the name of an example (with its conformers), an InChI, or else a SMILES.

    Raises what `molecule_from_inchi` and `Molecule.from_smiles` raise.
    """
    example = example_named(text)
    if example is not None:
        return example.molecule()
    if text.strip().casefold().startswith(_INCHI.casefold()):
        return molecule_from_inchi(text, max_atoms=max_atoms)
    return Molecule.from_smiles(text, max_atoms=max_atoms)
