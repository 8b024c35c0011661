"""What a chemist calls a bond: "amide", "ester", "biaryl"."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

from rdkit import Chem

if TYPE_CHECKING:
    from virialff.molecules.molecule import Molecule

# The first that matches counts; the bond is between the first two atoms of each SMARTS. `!@` is not in a ring.
_NAMES = (
    ("carboxylic acid", "[CX3;$(*=O)]-!@[OX2H]"),
    ("ester", "[CX3;$(*=O)]-!@[OX2][#6]"),
    ("urea", "[CX3;$(C(=O)(N)N)]-!@[NX3]"),
    ("amide", "[CX3;$(*=O)]-!@[NX3]"),
    ("thioamide", "[CX3;$(*=S)]-!@[NX3]"),
    ("amidine", "[CX3;$(*=N)]-!@[NX3]"),
    ("sulfonamide", "[SX4;$(*(=O)=O)]-!@[NX3]"),
    ("sulfonyl", "[SX4;$(*(=O)=O)]-!@[#6]"),
    ("sulfoxide", "[SX3;$(*=O)]-!@[#6]"),
    ("phosphoryl", "[P;$(*=O)]-!@[*]"),
    ("nitro", "[NX3+;$(*(=O)[O-])]-!@[#6]"),
    ("biaryl", "a-!@a"),
    ("phenol", "c-!@[OX2H]"),
    ("aryl ether", "c-!@[OX2]"),
    ("aniline", "c-!@[NX3]"),
    ("aryl thioether", "c-!@[SX2]"),
    ("aryl carbonyl", "a-!@[CX3]=O"),
    ("styrene", "a-!@[CX3]=[#6,#7]"),
    ("benzylic", "a-!@[CX4]"),
    ("disulfide", "[SX2]-!@[SX2]"),
    ("peroxide", "[OX2]-!@[OX2]"),
    ("hydrazine", "[NX3]-!@[NX3]"),
    ("oxime", "[CX3]=!@[NX2][OX2]"),
    ("imine", "[CX3]=!@[NX2]"),
    ("double bond", "[#6]=!@[#6]"),
    ("diene", "[CX3;$(*=[CX3])]-!@[CX3]=[CX3]"),
    ("conjugated carbonyl", "[CX3;$(*=O)]-!@[CX3]=[#6,#7,#8]"),
    ("alpha carbon of a carbonyl", "[CX3;$(*=O)]-!@[CX4]"),
    ("allylic", "[CX3;$(*=[#6])]-!@[CX4]"),
    ("alcohol", "[CX4]-!@[OX2H]"),
    ("methyl", "[CX4H3]-!@[*]"),
    ("ether", "[CX4]-!@[OX2]"),
    ("amine", "[CX4]-!@[NX3]"),
    ("thiol", "[CX4]-!@[SX2H]"),
    ("thioether", "[CX4]-!@[SX2]"),
    ("alkyl", "[CX4]-!@[CX4]"),
)


@cache
def _patterns() -> tuple[tuple[str, Chem.Mol], ...]:
    return tuple((name, Chem.MolFromSmarts(smarts)) for name, smarts in _NAMES)


def bond_names(molecule: Molecule) -> dict[tuple[int, int], str]:
    """The names of bonds outside rings by their atoms (from 0, the lower first); bonds without one are left out."""
    mol = molecule.with_positions(molecule.positions[:0]).to_rdkit()
    found: dict[tuple[int, int], str] = {}
    for name, pattern in _patterns():
        for first, second, *_ in mol.GetSubstructMatches(pattern, maxMatches=10_000):
            found.setdefault((min(first, second), max(first, second)), name)
    return found
