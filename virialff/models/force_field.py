"""Model (a checkpoint) and ForceField (the parameters of one molecule or complex): the public API.

model = virialff.load_model()
force_field = model.force_field(Molecule.from_smiles("CCO"))
force_field.charges, force_field.pairs, force_field.energy(positions)
"""

from collections.abc import Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import torch
from pandas.api.extensions import ExtensionArray
from torch import Tensor

from virialff.elements import ATOMIC_NUMBERS, ELEMENT_INDEX, ELEMENTS, SYMBOL_OF
from virialff.engines.base import EnergiesAndForces, Progress, conformer_axis, require_finite
from virialff.errors import EngineError, MoleculeError, ShapeError, UnsupportedElementError
from virialff.models.checkpoint import Checkpoint, load_members
from virialff.models.intervals import Quantity, Uncertainty, uncertainties
from virialff.molecules.changes import warn_of_mismatches
from virialff.molecules.environments import RareAtoms, rare_atoms
from virialff.molecules.kinds import unpack_counts
from virialff.molecules.molecule import Molecule
from virialff.molecules.topology import RELATIONS, all_pairs, bond_type_indices, pair_relations
from virialff.molecules.zwitterions import zwitterion
from virialff.networks.baseline import baseline_energies
from virialff.networks.graph import molecule_tensors
from virialff.networks.graph_tensors import collate
from virialff.potential.decomposition import Decomposition
from virialff.potential.energy import TERMS, pair_energies, pair_energies_and_forces, pair_terms
from virialff.potential.lennard_jones import minimum_distance, sigma_epsilon
from virialff.potential.parameters import N_COEFFICIENTS, PairParameters

if TYPE_CHECKING:
    from openmm import System

    from virialff.potential.kernel import CompiledPotential

#: Products of rows of pairs and conformers from which on the compiled loops pay for the import of their compiler.
COMPILED_FROM = 200_000
#: Rows up to which they are the faster ones for a single geometry: a block of conformers costs them what one does.
COMPILED_SINGLE_TO = 5_000


class Model(EnergiesAndForces):
    """A trained force-field network with its baseline and its card. The network reads graphs only, never coordinates.

    With `energy`, `forces` and the like it is a method of energies as `virialff.methods.method.Method` describes.
    """

    def __init__(self, checkpoint: Checkpoint, *, device: str = "cpu", name: str | None = None) -> None:
        self.card = checkpoint.card
        self._name = name
        self.baseline = checkpoint.baseline
        self.device = device
        self._folder = checkpoint.folder
        self._network = checkpoint.network.to(device)
        # The force field last used as a method: relaxing asks for the same molecule at every step.
        self._last: ForceField | None = None

    @property
    def name(self) -> str:
        """The name under which it was loaded, where it has one here; else the one in its card."""
        return self._name or str(self.card["name"])

    @property
    def sha256(self) -> str:
        """sha256 of the parameters: the key under which results of this model may be cached."""
        return str(self.card["sha256"])

    @property
    def level_of_theory(self) -> str:
        return str(self.card["level_of_theory"])

    @property
    def level(self) -> str:
        """`level_of_theory` said as what it is: that of the energies it was trained on."""
        return f"trained on {self.level_of_theory}"

    @property
    def elements(self) -> frozenset[int]:
        """Atomic numbers that the model was trained on."""
        numbers = dict(zip(ELEMENTS, ATOMIC_NUMBERS, strict=True))
        return frozenset(numbers[symbol] for symbol in self.card["elements"])

    @cached_property
    def members(self) -> tuple["Model", ...]:
        """Further parameter sets, trained like this one, that give the spread of its results (`members`).

        Read when first asked for; empty for a model without. Raises CheckpointError where a file is damaged.
        """
        if self._folder is None or not self.card.get("members"):
            return ()
        checkpoints = load_members(self._folder, self.card, self._network.config)
        return tuple(
            Model(Checkpoint(part.network, part.baseline, part.card), device=self.device) for part in checkpoints
        )

    def rare_atoms(self, molecule: Molecule) -> RareAtoms | None:
        """Which atoms have surroundings, or are in parts, that were rare in training; None for a model without counts.

        So are the ends of a proton that belongs elsewhere in the gas phase, of a zwitterion. Contacts are looked up
        where the molecule has conformers.
        """
        counts = self.card.get("environments")
        if not isinstance(counts, dict):
            return None
        return rare_atoms(
            molecule.symbols,
            molecule.bonds,
            bond_type_indices(molecule.orders),
            counts,
            self.card.get("bond_environments"),
            self._training_parts,
            molecule.positions if molecule.n_conformers else None,
            zwitterion=zwitterion(molecule),
        )

    @cached_property
    def _training_parts(self) -> dict[str, dict[str, int]]:
        """Kinds of rotatable bonds, ring systems and contacts in training, by the names of the fields of `Parts`."""
        packed = self.card.get("parts")
        return {} if not isinstance(packed, dict) else {name: unpack_counts(kinds) for name, kinds in packed.items()}

    def uncertainty(self, molecule: Molecule, quantity: Quantity, positions: Any = None) -> Uncertainty | None:
        """How far energies may be off; None for a model that was not calibrated for the quantity.

        Parameters
        ----------
        molecule : Molecule
            Of elements that the model was trained on.
        quantity : {"total", "conformers", "torsion", "interaction"}
            An energy by itself, one above that of another conformer, one above that of another point of a scan, or that
            of a complex.
        positions : array_like, shape (n_conformers, n_atoms, 3), optional
            In Angstrom; by default the conformers of the molecule.

        Returns
        -------
        Uncertainty or None
            Its `intervals()` hold 68, 90 and 95 % of the errors on held-out labels.

        Raises
        ------
        MissingCoordinatesError
            If there are neither positions nor conformers.
        CheckpointError
            If the intervals of the card, or the file of a member, are damaged.

        See Also
        --------
        Model.rare_atoms : What of the molecule training had little of.
        """
        return uncertainties(self, molecule, [quantity], positions).get(quantity)

    def force_field(self, molecule: Molecule) -> "ForceField":
        """The force field of one molecule or complex. Coordinates are not needed and not used.

        Parameters
        ----------
        molecule : Molecule
            Of elements that the model was trained on.

        Returns
        -------
        ForceField

        Raises
        ------
        UnsupportedElementError
            If the model was not trained on an element of the molecule.
        EngineError
            If a parameter is not a finite number.

        See Also
        --------
        Model.force_fields : Several molecules in one batch.
        """
        return self.force_fields([molecule])[0]

    def force_fields(self, molecules: Sequence[Molecule]) -> list["ForceField"]:
        """The force fields of several molecules, computed in one batch; the same as one by one.

        Parameters
        ----------
        molecules : sequence of Molecule
            Of elements that the model was trained on.

        Returns
        -------
        list of ForceField
            In the order of `molecules`.

        Raises
        ------
        UnsupportedElementError
            If the model was not trained on an element of one of them.
        EngineError
            If a parameter is not a finite number.
        """
        if not molecules:
            return []
        for molecule in molecules:
            self._check_elements(molecule)
        graph = collate([molecule_tensors(molecule) for molecule in molecules])
        with torch.inference_mode():
            parameters = self._network(graph.to(self.device))
            baselines = baseline_energies(self.baseline, graph)
        n_atoms = [molecule.n_atoms for molecule in molecules]
        parts = _split(parameters, n_atoms)
        for molecule, part, baseline in zip(molecules, parts, baselines, strict=True):
            # In single precision too, in which tables and kernels keep them.
            if not all(torch.isfinite(values.float()).all() for values in (part.charges, part.coefficients, baseline)):
                raise EngineError(
                    f"the model {self.name} gives no finite parameters for {molecule.formula}: train it again, or "
                    "choose another"
                )
        return [
            ForceField(molecule, part, float(baseline), self.card)
            for molecule, part, baseline in zip(molecules, parts, baselines, strict=True)
        ]

    def available(self) -> str | None:
        """None: it is loaded."""
        return None

    def unsupported(self, molecule: Molecule) -> str | None:
        """None, or the sentence naming an atom whose element the model was not trained on."""
        try:
            self._check_elements(molecule)
        except UnsupportedElementError as error:
            return error.message
        return None

    def _compute(
        self, molecule: Molecule, positions: Any, progress: Progress | None, *, with_forces: bool
    ) -> tuple[np.ndarray, np.ndarray]:
        geometries = conformer_axis(molecule.n_atoms, positions)
        force_field = self._of(molecule)
        if with_forces:
            energies, forces = force_field.energy_and_forces(geometries)
            require_finite(f"the model {self.name}", energies, forces)
        else:
            energies, forces = force_field.energy(geometries), np.full_like(geometries, np.nan)
            require_finite(f"the model {self.name}", energies)
        if progress is not None:
            progress(len(geometries), len(geometries))
        return energies, forces

    def interaction_energy(self, molecule: Molecule, positions: Any, *, progress: Progress | None = None) -> np.ndarray:
        """`ForceField.interaction_energy`, (n_conformers,): the pairs between fragments alone."""
        positions = np.asarray(positions, dtype=np.float64)
        energies = self._of(molecule).interaction_energy(positions[None] if positions.ndim == 2 else positions)
        require_finite(f"the model {self.name}", energies)
        return energies

    def atomic_energies(self, numbers: Any) -> np.ndarray:
        """Isolated atoms at the level of the labels, shape of `numbers`, kcal/mol. UnsupportedElementError."""
        table = self.card["atomic_energies_kcal_mol"]
        symbols = [SYMBOL_OF.get(int(number), "") for number in np.ravel(numbers)]
        unknown = [symbol for symbol in symbols if symbol not in table]
        if unknown:
            raise UnsupportedElementError(f"the model {self.name} has no isolated atom of {unknown[0] or 'an element'}")
        return np.array([float(table[symbol]) for symbol in symbols]).reshape(np.shape(numbers))

    def _of(self, molecule: Molecule) -> "ForceField":
        last = self._last
        if last is None or last.molecule is not molecule:
            self._last = last = self.force_field(molecule)
        return last

    def _check_elements(self, molecule: Molecule) -> None:
        known = self.elements
        for atom, number in enumerate(molecule.numbers.tolist(), start=1):
            if number not in known:
                symbol = molecule.symbols[atom - 1]
                raise UnsupportedElementError(
                    f"atom {atom} is {symbol} and the model {self.name} was not trained on it "
                    f"(it knows {', '.join(self.card['elements'])}); choose another model",
                    atom=atom,
                )


class ForceField:
    """The classical pair potential of one molecule or complex, Eq. 20-24.

    Positions are (n_atoms, 3), or (n_conformers, n_atoms, 3), in Angstrom, NumPy or torch. Many conformers go through
    compiled loops where numba is installed; given as float32 they are computed in it, some three times as fast and
    within 1e-3 kcal/mol. Results are NumPy float64 in kcal/mol and kcal/mol/A: without the conformer axis for one
    geometry, with it for several. Positions of another shape raise ShapeError.
    """

    def __init__(self, molecule: Molecule, parameters: PairParameters, baseline: float, card: dict[str, Any]) -> None:
        self.molecule = molecule
        self.parameters = parameters
        self.baseline = baseline
        self._card = card
        self._compiles_single = False

    def compile(self) -> None:
        """Use the compiled loops for single geometries too, for dynamics and the like; without numba nothing changes.

        Loading their compiler takes a second, after which a small molecule takes a fraction of the time.

        See Also
        --------
        virialff.ase.VirialFF : Which does so.
        """
        rows = len(self.parameters.pair_molecules)
        self._compiles_single = rows <= COMPILED_SINGLE_TO and self._double_precision is not None

    @cached_property
    def charges(self) -> np.ndarray:
        """Atomic partial charges in e, (n_atoms,)."""
        return self.parameters.charges.double().cpu().numpy().copy()

    @cached_property
    def pairs(self) -> pd.DataFrame:
        """One row a pair: i < j from 0, element_i, element_j, relation, sigma, epsilon, R_min, C0..C13.

        sigma and R_min are in Angstrom, epsilon in kcal/mol. They are NaN for bonded pairs, which have no
        Lennard-Jones term, and where C0 or C1 vanishes, so that no zero crossing or no well exists. relation is
        bonded, 1-3, 1-4, further or intermolecular. A model whose pair network is not symmetric in i, j (`paper`)
        has a row for (i, j) and one for (j, i), each counted by one half.
        """
        return pair_rows([self])

    @property
    def atomic_energies(self) -> np.ndarray:
        """Energies of the isolated atoms at the model's level of theory in kcal/mol, (n_atoms,)."""
        table = self._card["atomic_energies_kcal_mol"]
        return np.array([float(table[symbol]) for symbol in self.molecule.symbols])

    def pair_energy(self, positions: np.ndarray | Tensor) -> np.ndarray:
        """The sum of all pair terms (Eq. 20 to 24).

        Parameters
        ----------
        positions : array_like or Tensor, shape (n_atoms, 3) or (n_conformers, n_atoms, 3)
            In Angstrom, in the atom order of the molecule.

        Returns
        -------
        ndarray, shape () or (n_conformers,)
            In kcal/mol, float64.

        Raises
        ------
        ShapeError
            If `positions` have another shape.

        See Also
        --------
        ForceField.decompose : Pair by pair and term by term.
        """
        stacked, single = self._positions(positions)
        compiled = self._compiled(positions, stacked, single=single)
        if compiled is not None:
            energies = compiled.energies(stacked.numpy())
            return np.asarray(energies[0]) if single else energies
        with torch.inference_mode():
            energy = pair_energies(self.parameters, stacked)[:, 0]
        return _numpy(energy, single)

    def energy(self, positions: np.ndarray | Tensor) -> np.ndarray:
        """The total energy: baseline + pair energy.

        Parameters
        ----------
        positions : array_like or Tensor, shape (n_atoms, 3) or (n_conformers, n_atoms, 3)
            In Angstrom, in the atom order of the molecule.

        Returns
        -------
        ndarray, shape () or (n_conformers,)
            In kcal/mol, float64.

        Raises
        ------
        ShapeError
            If `positions` have another shape.

        Warns
        -----
        MismatchedCoordinatesWarning
            If the positions cannot be of the molecule's bonds.

        See Also
        --------
        ForceField.pair_energy, ForceField.baseline : The two parts.
        """
        stacked, _ = self._positions(positions)
        warn_of_mismatches(self.molecule, stacked.cpu().numpy())
        return np.asarray(self.baseline + self.pair_energy(positions))

    def forces(self, positions: np.ndarray | Tensor) -> np.ndarray:
        """The forces -dE/dR.

        Parameters
        ----------
        positions : array_like or Tensor, shape (n_atoms, 3) or (n_conformers, n_atoms, 3)
            In Angstrom, in the atom order of the molecule.

        Returns
        -------
        ndarray, shape of `positions`
            In kcal/mol/Angstrom, float64.

        Raises
        ------
        ShapeError
            If `positions` have another shape.

        See Also
        --------
        ForceField.energy_and_forces : Both from one evaluation.
        """
        return self.energy_and_forces(positions)[1]

    def energy_and_forces(self, positions: np.ndarray | Tensor) -> tuple[np.ndarray, np.ndarray]:
        """`energy` and `forces` from one evaluation.

        Parameters
        ----------
        positions : array_like or Tensor, shape (n_atoms, 3) or (n_conformers, n_atoms, 3)
            In Angstrom, in the atom order of the molecule.

        Returns
        -------
        energy : ndarray, shape () or (n_conformers,)
            In kcal/mol, float64.
        forces : ndarray, shape of `positions`
            In kcal/mol/Angstrom, float64.

        Raises
        ------
        ShapeError
            If `positions` have another shape.
        """
        stacked, single = self._positions(positions)
        compiled = self._compiled(positions, stacked, single=single)
        if compiled is not None:
            pair_energy, pair_forces = compiled.energies_and_forces(stacked.numpy())
            total = self.baseline + pair_energy
            return (np.asarray(total[0]), pair_forces[0]) if single else (total, pair_forces)
        with torch.inference_mode():
            energy, forces = pair_energies_and_forces(self.parameters, stacked)
        return np.asarray(self.baseline + _numpy(energy[:, 0], single)), _numpy(forces, single)

    def decompose(self, positions: np.ndarray | Tensor) -> Decomposition:
        """The energy by pair and by term (Coulomb, dispersion, repulsion, Gaussians).

        Parameters
        ----------
        positions : array_like or Tensor, shape (n_atoms, 3) or (n_conformers, n_atoms, 3)
            In Angstrom, in the atom order of the molecule.

        Returns
        -------
        Decomposition
            `terms` of shape (n_pairs, 4) or (n_conformers, n_pairs, 4) in kcal/mol, float64, and the atoms of each
            pair.

        Raises
        ------
        ShapeError
            If `positions` have another shape.

        See Also
        --------
        virialff.parameters.contributions.pair_contributions : The same as a table.
        """
        stacked, single = self._positions(positions)
        with torch.inference_mode():
            terms = pair_terms(self.parameters, stacked)
        return Decomposition(self.parameters.pair_index.cpu().numpy().T.copy(), _numpy(terms, single), self.baseline)

    def interaction_energy(self, positions: np.ndarray | Tensor) -> np.ndarray:
        """E(complex) - E(fragments apart) with every fragment as it is in the complex; negative = bound.

        Parameters
        ----------
        positions : array_like or Tensor, shape (n_atoms, 3) or (n_conformers, n_atoms, 3)
            In Angstrom, in the atom order of the molecule.

        Returns
        -------
        ndarray, shape () or (n_conformers,)
            In kcal/mol, float64.

        Raises
        ------
        MoleculeError
            If the molecule has one fragment only.
        ShapeError
            If `positions` have another shape.

        See Also
        --------
        virialff.interactions.complexes.complex_interactions : By several methods, also at minima.
        """
        if self.molecule.n_fragments < 2:
            raise MoleculeError(
                "an interaction energy needs two or more fragments and this molecule is one; "
                "join molecules with Molecule.join"
            )
        stacked, single = self._positions(positions)
        between = torch.from_numpy(self._relations == RELATIONS.index("intermolecular"))
        with torch.inference_mode():
            terms = pair_terms(self.parameters, stacked)[:, between.to(stacked.device)]
        return _numpy(terms.sum(dim=(1, 2)), single)

    def binding_energy(self, positions: np.ndarray | Tensor) -> np.ndarray:
        """The quantity of the paper's Eq. 25 at one geometry: E(fragments apart) - E(complex), positive = bound.

        Minus `interaction_energy`, whose positions, shape, unit and errors it has.
        """
        return np.asarray(0.0 - self.interaction_energy(positions))

    def atomization_energy(self, positions: np.ndarray | Tensor) -> np.ndarray:
        """Isolated atoms minus molecule, positive = bound.

        Parameters
        ----------
        positions : array_like or Tensor, shape (n_atoms, 3) or (n_conformers, n_atoms, 3)
            In Angstrom, in the atom order of the molecule.

        Returns
        -------
        ndarray, shape () or (n_conformers,)
            In kcal/mol, float64, without zero-point energy, at the model's level of theory.

        Raises
        ------
        ShapeError
            If `positions` have another shape.
        """
        return np.asarray(self.atomic_energies.sum() - self.energy(positions))

    def pair_curve(self, row: int, distances: np.ndarray) -> pd.DataFrame:
        """The potential of one row of `pairs` along distances (Eq. 21 and 22).

        Parameters
        ----------
        row : int
            Row of `pairs`, from 0.
        distances : ndarray, shape (n,)
            In Angstrom.

        Returns
        -------
        DataFrame
            Columns r in Angstrom, coulomb, dispersion, repulsion, gaussians and total in kcal/mol.

        Raises
        ------
        ShapeError
            If there is no such row.
        """
        if not 0 <= row < len(self.parameters.pair_molecules):
            raise ShapeError(f"pair {row} does not exist; rows go from 0 to {len(self.parameters.pair_molecules) - 1}")
        two = self.parameters._replace(
            charges=self.parameters.charges[self.parameters.pair_index[:, row]],
            pair_index=torch.tensor([[0], [1]], device=self.parameters.charges.device),
            bonded=self.parameters.bonded[row : row + 1],
            coefficients=self.parameters.coefficients[row : row + 1],
            pair_molecules=self.parameters.pair_molecules[row : row + 1],
            weight=1.0,
        )
        r = torch.as_tensor(distances, dtype=two.charges.dtype, device=two.charges.device)
        positions = torch.zeros(len(r), 2, 3, dtype=r.dtype, device=r.device)
        positions[:, 1, 0] = r
        with torch.inference_mode():
            terms = pair_terms(two, positions)[:, 0].double().cpu().numpy()
        table = pd.DataFrame(terms, columns=list(TERMS))
        table.insert(0, "r", r.double().cpu().numpy())
        table["total"] = terms.sum(axis=1)
        return table

    def to_openmm(self) -> "System":
        """The potential as a System of OpenMM: this molecule or complex in free space, the baseline left out.

        Returns
        -------
        openmm.System
            With masses; its energy is `pair_energy`.

        Raises
        ------
        EngineError
            If OpenMM is not installed.

        See Also
        --------
        virialff.models.openmm.box_system : Many molecules in a periodic box.
        """
        from virialff.models.openmm import molecule_system

        return molecule_system(self)

    @cached_property
    def _relations(self) -> np.ndarray:
        """Position in RELATIONS of each row of coefficients, (n_rows,)."""
        n_atoms = self.molecule.n_atoms
        matrix = np.zeros((n_atoms, n_atoms), dtype=np.int64)
        first, second = all_pairs(n_atoms)
        relations = pair_relations(n_atoms, self.molecule.bonds)
        matrix[first, second] = matrix[second, first] = relations
        i, j = self.parameters.pair_index.cpu().numpy()
        return np.asarray(matrix[i, j])

    def _compiled(self, positions: np.ndarray | Tensor, stacked: Tensor, *, single: bool) -> "CompiledPotential | None":
        """The compiled loops where they pay: for many conformers on the CPU, and where numba is installed."""
        if single:
            return self._double_precision if self._compiles_single and stacked.device.type == "cpu" else None
        if len(stacked) * len(self.parameters.pair_molecules) < COMPILED_FROM or stacked.device.type != "cpu":
            return None
        return self._single_precision if positions.dtype in (np.float32, torch.float32) else self._double_precision

    @cached_property
    def _double_precision(self) -> "CompiledPotential | None":
        return _compile(self.parameters, np.float64)

    @cached_property
    def _single_precision(self) -> "CompiledPotential | None":
        return _compile(self.parameters, np.float32)

    def _positions(self, positions: np.ndarray | Tensor) -> tuple[Tensor, bool]:
        charges = self.parameters.charges
        array = torch.as_tensor(positions).detach().to(dtype=charges.dtype, device=charges.device)
        single = array.ndim == 2
        stacked = array.unsqueeze(0) if single else array
        if stacked.ndim != 3 or stacked.shape[1:] != (self.molecule.n_atoms, 3):
            n = self.molecule.n_atoms
            raise ShapeError(f"positions have shape {tuple(array.shape)}, expected ({n}, 3) or (n_conformers, {n}, 3)")
        return stacked, single


def pair_rows(force_fields: Sequence[ForceField]) -> pd.DataFrame:
    """`ForceField.pairs` of one or more molecules below each other; atoms are counted in each from 0."""
    parts = [force_field.parameters for force_field in force_fields]
    coefficients = torch.cat([part.coefficients for part in parts]).double().cpu()
    sigma, epsilon = sigma_epsilon(coefficients[:, 0], coefficients[:, 1])
    bonded = torch.cat([part.bonded for part in parts]).cpu()
    sigma[bonded] = epsilon[bonded] = float("nan")
    indices = [part.pair_index.cpu().numpy() for part in parts]
    i, j = np.concatenate(indices, axis=1)
    elements = [[ELEMENT_INDEX[int(number)] for number in one.molecule.numbers] for one in force_fields]
    ends = [np.array(kinds, dtype=np.int64)[index] for kinds, index in zip(elements, indices, strict=True)]
    first, second = np.concatenate(ends, axis=1)
    relations = np.concatenate([force_field._relations for force_field in force_fields])
    columns = {
        "i": i,
        "j": j,
        "element_i": _texts(ELEMENTS, first),
        "element_j": _texts(ELEMENTS, second),
        "relation": _texts(RELATIONS, relations),
        "sigma": sigma.numpy(),
        "epsilon": epsilon.numpy(),
        "R_min": minimum_distance(sigma).numpy(),
    }
    return pd.DataFrame(columns | {f"C{k}": coefficients[:, k].numpy() for k in range(N_COEFFICIENTS)})


def _texts(known: Sequence[str], places: np.ndarray) -> ExtensionArray:
    """A column of a table; its texts are not made one by one."""
    return pd.Series(np.array(known)).array.take(places)


def _compile(parameters: PairParameters, precision: type[np.floating[Any]]) -> "CompiledPotential | None":
    # Importing numba takes a second, and it may be missing: then torch serves.
    try:
        from virialff.potential.kernel import CompiledPotential
    except ImportError:
        return None
    return CompiledPotential(parameters, precision)


def _numpy(values: Tensor, single: bool) -> np.ndarray:
    array = values.double().cpu().numpy()
    return np.asarray(array[0]) if single else array


def _split(parameters: PairParameters, n_atoms: list[int]) -> list[PairParameters]:
    """The parameters of each molecule of a batch, atoms renumbered from 0."""
    parts = []
    first = 0
    order = torch.argsort(parameters.pair_molecules, stable=True)
    counts = torch.bincount(parameters.pair_molecules, minlength=len(n_atoms)).tolist()
    for count, rows in zip(n_atoms, order.split(counts), strict=True):
        parts.append(
            parameters._replace(
                charges=parameters.charges[first : first + count],
                pair_index=parameters.pair_index[:, rows] - first,
                bonded=parameters.bonded[rows],
                coefficients=parameters.coefficients[rows],
                pair_molecules=torch.zeros_like(rows),
                n_molecules=1,
            )
        )
        first += count
    return parts
