"""The force field as a calculator of ASE, for its optimizers, dynamics and analysis.

    atoms.calc = VirialFF("CCO")     # bonds by SMILES, in the order of atoms that Molecule.from_smiles gives
    atoms.calc = VirialFF()          # bonds from the geometry of the atoms

A calculator of ASE as a method of ours is the other way round: `virialff.methods.ase`.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, cast

import numpy as np

from virialff.elements import SYMBOL_OF
from virialff.errors import EngineError, MismatchedCoordinatesError, MoleculeError
from virialff.models.force_field import ForceField, Model
from virialff.models.registry import load_model
from virialff.molecules.changes import mismatches
from virialff.molecules.checks import DEFAULT_MAX_ATOMS
from virialff.molecules.molecule import Molecule
from virialff.parameters.dipole import point_charge_dipole
from virialff.units import EV_IN_KCAL_MOL

try:
    from ase import Atoms
    from ase.calculators.calculator import Calculator, all_changes
except ImportError as error:
    raise EngineError("the calculator is one of ASE, which is not installed here; install ase") from error


class MoleculeCalculator(Calculator):
    """What calculators of molecules share: `_results` gives the results for atoms, in ASE's units."""

    def calculate(
        self,
        atoms: Atoms | None = None,
        properties: Sequence[str] = ("energy",),
        system_changes: Sequence[str] = tuple(all_changes),
    ) -> None:
        """Fill `results` for the atoms; called by ASE."""
        super().calculate(atoms, list(properties), list(system_changes))
        self.results = self._results(cast("Atoms", self.atoms))

    def _results(self, atoms: Atoms) -> dict[str, Any]:
        raise NotImplementedError


class VirialFF(MoleculeCalculator):
    """Energies, forces, charges and dipole of one molecule or complex in free space, in ASE's units.

    Results are `energy` and `free_energy` (the same) in eV, `forces` in eV/Angstrom, `charges` in e, `dipole` in
    e Angstrom. The energy is the total one, baseline included. The calculator is for one list of atoms: it learns the
    molecule when it is made or, without one, from the first atoms it is given; `reset_molecule` makes it forget.
    Programs that give one calculator many molecules in turn, as benchmarks do, take `one_molecule=False`.

    Parameters
    ----------
    molecule : Molecule or str, optional
        The bonds, as a molecule or as SMILES; several molecules are one complex ("CCO.O"). By default they are
        perceived from the distances in the first geometry, each molecule neutral and closed-shell.
    model : Model or str, optional
        A model, or its name or folder; by default the default model.
    device : str, optional
        Where the networks of a model given by its name run.
    max_atoms : int, optional
        More are refused where the bonds are perceived or read from SMILES.
    one_molecule : bool, optional
        Whether other atoms, or a geometry that cannot be of the molecule's bonds, are an error. If not, the bonds are
        perceived anew: a reaction goes by unseen.

    Raises
    ------
    MoleculeError
        For SMILES or elements that are not treated; on calculation also for atoms whose elements, number or order are
        not those of the molecule, for a net charge, and for periodic cells.

    See Also
    --------
    virialff.models.openmm.box_system : Liquids in periodic boxes, for OpenMM.
    """

    implemented_properties = ["energy", "free_energy", "forces", "charges", "dipole"]  # noqa: RUF012
    ignored_changes = {"initial_magmoms"}  # noqa: RUF012

    def __init__(
        self,
        molecule: Molecule | str | None = None,
        model: Model | str | None = None,
        *,
        device: str = "cpu",
        max_atoms: int = DEFAULT_MAX_ATOMS,
        one_molecule: bool = True,
    ) -> None:
        super().__init__()
        if model is None or isinstance(model, str):
            model = load_model(model, device=device)
        self.model = model
        self.level = model.level
        self._max_atoms = max_atoms
        self._one_molecule = one_molecule
        self._force_field: ForceField | None = None
        if molecule is not None:
            if isinstance(molecule, str):
                molecule = Molecule.from_smiles(molecule, max_atoms=max_atoms)
            self._take(molecule)

    @property
    def allowed_atomic_numbers(self) -> set[int]:
        """Atomic numbers that the model was trained on, under the name by which benchmark programs ask for them."""
        return set(self.model.elements)

    @property
    def force_field(self) -> ForceField | None:
        """The force field in use; None before the first calculation of a calculator that perceives bonds."""
        return self._force_field

    def reset_molecule(self) -> None:
        """Forget the molecule: the bonds are perceived from the next atoms."""
        self.reset()
        self._force_field = None

    def _results(self, atoms: Atoms) -> dict[str, Any]:
        force_field, positions = self._for(atoms), atoms.positions
        energy, forces = force_field.energy_and_forces(positions)
        return {
            "energy": float(energy) / EV_IN_KCAL_MOL,
            "free_energy": float(energy) / EV_IN_KCAL_MOL,
            "forces": forces / EV_IN_KCAL_MOL,
            "charges": force_field.charges,
            "dipole": point_charge_dipole(force_field.charges, positions).vector,
        }

    def _for(self, atoms: Atoms) -> ForceField:
        """The force field, after a look at whether these are atoms of its molecule."""
        if atoms.pbc.any():
            raise MoleculeError(
                "the atoms are periodic and this is the potential of a molecule in free space; set atoms.pbc = False, "
                "or export a periodic box for OpenMM"
            )
        charge = atoms.info.get("charge", 0) or atoms.get_initial_charges().sum()
        if abs(charge) > 0.5:
            raise MoleculeError(f"the atoms have a charge of {charge:+.0f} and only neutral molecules are treated")
        if self._force_field is None or not (self._one_molecule or self._fits(atoms)):
            return self._take(Molecule.from_geometry(atoms.numbers, atoms.positions, max_atoms=self._max_atoms))
        molecule = self._force_field.molecule
        if len(atoms) != molecule.n_atoms:
            raise MoleculeError(
                f"there are {len(atoms)} atoms and the calculator's molecule ({molecule.formula}) has "
                f"{molecule.n_atoms}; make a calculator for each molecule"
            )
        for atom in np.flatnonzero(atoms.numbers != molecule.numbers):
            raise MoleculeError(
                f"atom {atom + 1} is {SYMBOL_OF.get(int(atoms.numbers[atom]), 'an element')} and in the calculator's "
                f"molecule ({molecule.formula}) {molecule.symbols[atom]}; make a calculator for each molecule, and "
                "give the atoms in its order",
                atom=int(atom) + 1,
            )
        for reason in mismatches(molecule, atoms.positions[None]):
            raise MismatchedCoordinatesError(reason)
        return self._force_field

    def _fits(self, atoms: Atoms) -> bool:
        """Whether these can be atoms of the molecule in use."""
        molecule = cast("ForceField", self._force_field).molecule
        return np.array_equal(atoms.numbers, molecule.numbers) and not mismatches(molecule, atoms.positions[None])

    def _take(self, molecule: Molecule) -> ForceField:
        self._force_field = self.model.force_field(molecule)
        # An optimizer or a dynamics asks for the same molecule thousands of times.
        self._force_field.compile()
        return self._force_field
