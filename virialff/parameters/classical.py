"""Lennard-Jones parameters of classical force fields, to hold the predicted ones against.

Amber ff14SB (Maier et al., J. Chem. Theory Comput. 11, 3696 (2015)) and CHARMM36 with CGenFF, read from the XML files
that OpenMM ships, and OpenFF (`openff`). All combine the parameters of two atoms by the rule of Lorentz and Berthelot:
sigma is their mean, epsilon the root of their product.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from itertools import product
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
from rdkit import Chem

from virialff.elements import ELEMENTS
from virialff.errors import EngineError
from virialff.parameters import openff
from virialff.units import ANGSTROM_IN_NM, KCAL_IN_KJ

#: Name of each force field and its file in OpenMM's data folder.
FILES = {"Amber ff14SB": "amber14/protein.ff14SB.xml", "CHARMM36": "charmm36.xml"}
#: All of them.
FORCE_FIELDS = (*FILES, openff.NAME)
_RULES = ("NonbondedForce", "LennardJonesForce")
_MIN_FACTOR = 2 ** (1 / 6)


@dataclass(frozen=True)
class AtomTypeParameters:
    """One atom type: its element, sigma in Angstrom and epsilon in kcal/mol."""

    name: str
    element: str
    sigma: float
    epsilon: float


@dataclass(frozen=True)
class ValueRange:
    """What a force field uses for one element pair: smallest, median and largest value over the pairs of its types.

    parameter: sigma or R_min (Angstrom) or epsilon (kcal/mol).
    """

    force_field: str
    parameter: str
    lowest: float
    median: float
    highest: float


@cache
def atom_types(force_field: str) -> tuple[AtomTypeParameters, ...]:
    """The atom types of a force field for the nine elements; types without a well (epsilon 0) are left out.

    Raises KeyError for an unknown name, EngineError without OpenMM or its file.
    """
    if force_field == openff.NAME:
        # Those without a bond are ions.
        return tuple(_openff_type(entry) for entry in openff.TYPES if entry.epsilon > 0 and "X0" not in entry.smarts)
    path = _data_folder() / FILES[force_field]
    if not path.is_file():
        raise EngineError(f"the file {path.name} of OpenMM, which holds {force_field}, is missing; reinstall openmm")
    elements: dict[str, str] = {}
    by_class: dict[str, str] = {}
    values: dict[str, tuple[float, float]] = {}
    for tag, rule, attributes in _entries(path):
        if tag == "Type":
            elements[attributes["name"]] = by_class[attributes["class"]] = attributes.get("element", "")
        elif rule in _RULES and "sigma" in attributes:
            sigma = float(attributes["sigma"]) / ANGSTROM_IN_NM
            epsilon = float(attributes["epsilon"]) / KCAL_IN_KJ
            # CHARMM36 has its charges in a NonbondedForce of zero wells, and the wells in a LennardJonesForce.
            if epsilon > 0:
                values[attributes.get("type") or attributes["class"]] = (sigma, epsilon)
    found = []
    for name, (sigma, epsilon) in values.items():
        element = elements.get(name) or by_class.get(name, "")
        if element in ELEMENTS:
            found.append(AtomTypeParameters(name, element, sigma, epsilon))
    return tuple(found)


def _openff_type(entry: openff.OpenffType) -> AtomTypeParameters:
    meant = next(atom for atom in Chem.MolFromSmarts(entry.smarts).GetAtoms() if atom.GetAtomMapNum() == 1)
    return AtomTypeParameters(entry.name, meant.GetSymbol(), 2 * entry.half_r_min / _MIN_FACTOR, entry.epsilon)


def openff_pair(mol: Chem.Mol, i: int, j: int) -> tuple[str, str, float, float]:
    """The types that OpenFF gives to two atoms of an RDKit molecule with explicit hydrogens, and what they combine to:
    sigma in Angstrom and epsilon in kcal/mol."""
    a, b = (_openff_type(openff.TYPES[place]) for place in openff.assigned(mol)[[i, j]])
    return (a.name, b.name, *_combined((a.sigma, a.epsilon), (b.sigma, b.epsilon)))


def _entries(path: Path) -> Iterator[tuple[str, str, dict[str, str]]]:
    """Tag, tag of the section and attributes of each type and each atom of a force, element by element."""
    section = ""
    for event, node in ElementTree.iterparse(path, events=("start", "end")):
        if event == "start":
            if node.tag in (*_RULES, "AtomTypes", "Residues", "Patches"):
                section = node.tag
            continue
        if (node.tag == "Type" and section == "AtomTypes") or (node.tag == "Atom" and section in _RULES):
            yield node.tag, section, dict(node.attrib)
        if node.tag == section:
            section = ""
        node.clear()


def _data_folder() -> Path:
    try:
        from openmm import app
    except ImportError as error:
        raise EngineError(
            "the values of Amber and CHARMM are read from OpenMM, which is not installed here; install openmm"
        ) from error
    return Path(app.__file__).parent / "data"


def pair_range(force_field: str, first: str, second: str, parameter: str) -> ValueRange | None:
    """The values that a force field gives to pairs of two elements.

    Parameters
    ----------
    force_field : str
        One of FORCE_FIELDS: Amber ff14SB, CHARMM36 or OpenFF 2.2.1.
    first, second : str
        Element symbols.
    parameter : {"sigma", "R_min", "epsilon"}
        In Angstrom, and kcal/mol for epsilon.

    Returns
    -------
    ValueRange or None
        Lowest, median and highest value; None where the force field has no type for one of the elements.

    Raises
    ------
    KeyError
        If there is no such force field or parameter.
    EngineError
        If OpenMM, whose files are read, is not installed.
    """
    combined = pair_values(force_field, first, second)
    if not len(combined):
        return None
    sigma, epsilon = combined.T
    values = {"sigma": sigma, "R_min": _MIN_FACTOR * sigma, "epsilon": epsilon}[parameter]
    distinct = np.unique(values.round(9))
    return ValueRange(force_field, parameter, float(values.min()), float(np.median(distinct)), float(values.max()))


def pair_values(force_field: str, first: str, second: str) -> np.ndarray:
    """Sigma in Angstrom and epsilon in kcal/mol that pairs of atom types of two elements have, (n_pairs, 2).

    Empty where the force field has no type for one of the elements. Raises what `pair_range` raises.
    """
    types = {
        element: {(entry.sigma, entry.epsilon) for entry in atom_types(force_field) if entry.element == element}
        for element in (first, second)
    }
    found = [_combined(a, b) for a, b in product(sorted(types[first]), sorted(types[second]))]
    return np.array(found, dtype=float).reshape(-1, 2)


def _combined(a: tuple[float, float], b: tuple[float, float]) -> tuple[float, float]:
    return (a[0] + b[0]) / 2, float(np.sqrt(a[1] * b[1]))
