"""Predicted parameters of many molecules as columns: charges of atoms, sigma and epsilon of pairs (Fig. 11 and 12).

Bonded pairs have no Lennard-Jones term and are left out. A model that is not symmetric in i, j has two rows a pair.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pandas as pd
from rdkit import Chem

from virialff.elements import ELEMENT_INDEX, ELEMENTS
from virialff.errors import EngineError, MoleculeError
from virialff.io.smiles import numbered_smiles
from virialff.models.force_field import ForceField, Model
from virialff.molecules.molecule import Molecule
from virialff.molecules.patterns import AtomPattern
from virialff.molecules.topology import RELATIONS, all_pairs, pair_relations
from virialff.potential.lennard_jones import sigma_epsilon

#: Molecules that go through the networks together.
BATCH = 16
#: Rows of pairs that one sample keeps; about 20 bytes each.
MAX_PAIRS = 5_000_000
_MOST_MASKS = 8


@dataclass(frozen=True, eq=False)
class ParameterSample:
    """Charges (e), sigma (Angstrom) and epsilon (kcal/mol) of many molecules; no names, no coordinates.

    smiles: of each molecule, (n_molecules); structures: RDKit's binary form with all hydrogens; both in the order of
        atoms given.
    atom_molecules, elements, charges: (n_atoms,), elements as positions in ELEMENTS.
    pair_molecules, relations, sigma, epsilon: (n_pairs,), relations as positions in RELATIONS; pair_atoms: (n_pairs, 2)
        atoms of the pair's molecule, from 0. sigma and epsilon are NaN where C0 or C1 vanishes.
    places: (n_molecules,) position of each molecule among all that were given, those that the model refused included.
    failures: what the model refused: SMILES and the reason.
    """

    smiles: tuple[str, ...]
    structures: tuple[bytes, ...]
    atom_molecules: np.ndarray
    elements: np.ndarray
    charges: np.ndarray
    pair_molecules: np.ndarray
    pair_atoms: np.ndarray
    relations: np.ndarray
    sigma: np.ndarray
    epsilon: np.ndarray
    places: np.ndarray
    failures: tuple[tuple[str, str], ...] = ()

    @property
    def n_molecules(self) -> int:
        return len(self.smiles)

    @property
    def n_pairs(self) -> int:
        return len(self.sigma)

    @property
    def r_min(self) -> np.ndarray:
        """Distance of the Lennard-Jones minimum in Angstrom, (n_pairs,)."""
        return np.asarray(2.0 ** (1.0 / 6.0) * self.sigma)

    @cached_property
    def first_atoms(self) -> np.ndarray:
        """Position of each molecule's first atom in the columns of atoms, (n_molecules + 1,)."""
        return np.searchsorted(self.atom_molecules, np.arange(self.n_molecules + 1))

    @cached_property
    def molecular_charges(self) -> np.ndarray:
        """Sum of the charges of each molecule in e, (n_molecules,)."""
        return np.bincount(self.atom_molecules, weights=self.charges, minlength=self.n_molecules)

    @cached_property
    def pair_elements(self) -> np.ndarray:
        """Positions in ELEMENTS of both atoms of each pair, (n_pairs, 2)."""
        return self.elements[self.first_atoms[self.pair_molecules][:, None] + self.pair_atoms]

    def molecule(self, index: int) -> Molecule:
        """One of the molecules, without coordinates."""
        mol = Chem.Mol(self.structures[index])
        return Molecule.from_rdkit(mol, max_atoms=mol.GetNumAtoms())

    def atoms_in(self, pattern: AtomPattern) -> np.ndarray:
        """Which atoms a pattern means, (n_atoms,) bool."""
        mask = self._masks.get(pattern.smarts)
        if mask is None:
            masks = [pattern.mask(Chem.Mol(structure)) for structure in self.structures]
            mask = np.concatenate(masks) if masks else np.zeros(0, dtype=bool)
            self._masks[pattern.smarts] = mask
            for old in list(self._masks)[:-_MOST_MASKS]:
                self._masks.pop(old, None)
        return mask

    @cached_property
    def _masks(self) -> dict[str, np.ndarray]:
        """What patterns meant last, by their SMARTS: matching takes longer than all else."""
        return {}

    def pairs_in(self, first: AtomPattern | None, second: AtomPattern | None) -> np.ndarray:
        """Pairs of which `first` means one atom and `second` the other, (n_pairs,) bool; None stands for any."""
        base = self.first_atoms[self.pair_molecules]
        i, j = base + self.pair_atoms[:, 0], base + self.pair_atoms[:, 1]
        everything = np.ones(len(self.elements), dtype=bool)
        a = everything if first is None else self.atoms_in(first)
        b = everything if second is None else self.atoms_in(second)
        return (a[i] & b[j]) | (a[j] & b[i])

    def molecules_in(self, pattern: AtomPattern) -> np.ndarray:
        """Molecules that have an atom which a pattern means, (n_molecules,) bool."""
        return np.bincount(self.atom_molecules, weights=self.atoms_in(pattern), minlength=self.n_molecules) > 0

    def molecules_table(self, names: Sequence[str] = ()) -> pd.DataFrame:
        """One row a molecule: molecule (from 1), name, smiles, atoms, charge_sum_e; `names` are of all given."""
        table = pd.DataFrame(
            {
                "molecule": np.arange(1, self.n_molecules + 1),
                "smiles": self.smiles,
                "atoms": np.diff(self.first_atoms),
                "charge_sum_e": self.molecular_charges,
            }
        )
        return self._named(table, names)

    def charges_table(self, names: Sequence[str] = ()) -> pd.DataFrame:
        """One row an atom: molecule, name, atom (from 1), element, charge_e."""
        table = pd.DataFrame(
            {
                "molecule": self.atom_molecules + 1,
                "atom": np.arange(len(self.charges)) - self.first_atoms[self.atom_molecules] + 1,
                "element": np.array(ELEMENTS)[self.elements],
                "charge_e": self.charges,
            }
        )
        return self._named(table, names)

    def pairs_table(self, names: Sequence[str] = ()) -> pd.DataFrame:
        """One row a pair without a bond: molecule, name, atoms (from 1), elements, relation, Lennard-Jones values."""
        elements = np.array(ELEMENTS)[self.pair_elements].reshape(-1, 2)
        table = pd.DataFrame(
            {
                "molecule": self.pair_molecules + 1,
                "atom_i": self.pair_atoms[:, 0].astype(np.int64) + 1,
                "atom_j": self.pair_atoms[:, 1].astype(np.int64) + 1,
                "element_i": elements[:, 0],
                "element_j": elements[:, 1],
                "relation": np.array(RELATIONS)[self.relations],
                "sigma_A": self.sigma,
                "epsilon_kcal_per_mol": self.epsilon,
                "R_min_A": self.r_min,
            }
        )
        return self._named(table, names)

    def _named(self, table: pd.DataFrame, names: Sequence[str]) -> pd.DataFrame:
        if any(names):
            own = np.array(names, dtype=object)[self.places]
            table.insert(1, "name", own[table["molecule"].to_numpy() - 1])
        return table

    @staticmethod
    def join(parts: Sequence[ParameterSample]) -> ParameterSample:
        """Several samples as one, in their order."""
        offsets = np.cumsum([0, *(part.n_molecules for part in parts)])
        given = np.cumsum([0, *(part.n_molecules + len(part.failures) for part in parts)])

        def columns(name: str, empty: np.ndarray) -> np.ndarray:
            return np.concatenate([empty, *(getattr(part, name) for part in parts)])

        def shifted(name: str, by: np.ndarray) -> np.ndarray:
            arrays = [getattr(part, name) + offset for part, offset in zip(parts, by, strict=False)]
            return np.concatenate([np.zeros(0, np.int32), *arrays]).astype(np.int32)

        return ParameterSample(
            tuple(text for part in parts for text in part.smiles),
            tuple(data for part in parts for data in part.structures),
            shifted("atom_molecules", offsets),
            columns("elements", np.zeros(0, np.uint8)),
            columns("charges", np.zeros(0, np.float32)),
            shifted("pair_molecules", offsets),
            columns("pair_atoms", np.zeros((0, 2), np.uint16)),
            columns("relations", np.zeros(0, np.uint8)),
            columns("sigma", np.zeros(0, np.float32)),
            columns("epsilon", np.zeros(0, np.float32)),
            shifted("places", given),
            tuple(failure for part in parts for failure in part.failures),
        )


def sample_parts(model: Model, molecules: Sequence[Molecule]) -> Iterator[ParameterSample]:
    """The parameters of molecules, a batch at a time; stop by not asking for the next, put together by `join`.

    It ends where MAX_PAIRS is reached. A molecule that the model refuses is among the failures of its part.
    """
    n_pairs = 0
    for start in range(0, len(molecules), BATCH):
        part = _part(model, molecules[start : start + BATCH])
        n_pairs += part.n_pairs
        yield part
        if n_pairs >= MAX_PAIRS:
            return


def sample_parameters(model: Model, molecules: Sequence[Molecule]) -> ParameterSample:
    """Charges, sigma and epsilon of many molecules as columns, up to MAX_PAIRS pairs.

    Parameters
    ----------
    model : Model
        That predicts them.
    molecules : sequence of Molecule
        In any number; coordinates are not used.

    Returns
    -------
    ParameterSample
        Charges in e, sigma in Angstrom, epsilon in kcal/mol, and what the model refused with the reason.

    See Also
    --------
    virialff.parameters.distributions.distribution : Histograms of them.
    """
    return ParameterSample.join(list(sample_parts(model, molecules)))


def _part(model: Model, molecules: Sequence[Molecule]) -> ParameterSample:
    try:
        return ParameterSample.join([_single(field) for field in model.force_fields(molecules)])
    except (MoleculeError, EngineError) as error:
        if len(molecules) == 1:
            empty = ParameterSample.join([])
            return ParameterSample(
                **{name: getattr(empty, name) for name in empty.__dataclass_fields__ if name != "failures"},
                failures=((molecules[0].smiles, str(error)),),
            )
    return ParameterSample.join([_part(model, [molecule]) for molecule in molecules])


def _single(field: ForceField) -> ParameterSample:
    """The columns of one molecule."""
    molecule, parameters = field.molecule, field.parameters
    sigma, epsilon = sigma_epsilon(parameters.coefficients[:, 0].double(), parameters.coefficients[:, 1].double())
    pair_index = parameters.pair_index.cpu().numpy()
    matrix = np.zeros((molecule.n_atoms, molecule.n_atoms), dtype=np.uint8)
    i, j = all_pairs(molecule.n_atoms)
    matrix[i, j] = matrix[j, i] = pair_relations(molecule.n_atoms, molecule.bonds)
    kept = ~parameters.bonded.cpu().numpy()
    i, j = pair_index[:, kept]
    return ParameterSample(
        (numbered_smiles(molecule),),
        (_structure(molecule),),
        np.zeros(molecule.n_atoms, np.int32),
        np.array([ELEMENT_INDEX[int(number)] for number in molecule.numbers], dtype=np.uint8),
        parameters.charges.cpu().numpy().astype(np.float32),
        np.zeros(len(i), np.int32),
        np.stack([i, j], axis=1).astype(np.uint16),
        matrix[i, j],
        sigma.cpu().numpy()[kept].astype(np.float32),
        epsilon.cpu().numpy()[kept].astype(np.float32),
        np.zeros(1, np.int32),
    )


def _structure(molecule: Molecule) -> bytes:
    mol = molecule.to_rdkit()
    mol.RemoveAllConformers()
    mol.ClearProp("_Name")
    data: bytes = mol.ToBinary(Chem.PropertyPickleOptions.NoProps)
    return data
