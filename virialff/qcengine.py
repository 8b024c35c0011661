"""The force field as a program of QCEngine: QCSchema in and out.

    import qcengine
    from virialff.qcengine import register

    register()
    qcengine.compute({"molecule": molecule, "specification": {...}}, "virialff")

QCEngine has no entry points, so a process says `register` once.
"""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

import virialff
from virialff.errors import EngineError, VirialffError
from virialff.models.force_field import Model
from virialff.models.registry import load_model
from virialff.molecules.molecule import Molecule
from virialff.parameters.dipole import point_charge_dipole
from virialff.units import BOHR_IN_ANGSTROM, HARTREE_IN_KCAL_MOL

try:
    import qcengine
    from qcelemental.models.v2 import AtomicResult, Provenance
    from qcengine.exceptions import InputError
    from qcengine.programs.model import ProgramHarness
except ImportError as error:
    raise EngineError("the harness is one of QCEngine, which is not installed here; install qcengine") from error

if TYPE_CHECKING:
    from qcelemental.models.v2 import AtomicInput
    from qcengine.config import TaskConfig

NAME = "virialff"


class VirialFFHarness(ProgramHarness):
    """Energies, gradients, charges and dipole of neutral closed-shell molecules and complexes.

    `model.method` is the name of a model or its folder ("default"). Bonds are the `connectivity` of the molecule, where
    it has one, with orders 1, 2, 3 and 1.5; otherwise they are perceived from the geometry. The driver `properties`
    returns `charges` (e) and `dipole` (e bohr). Charged, open-shell and ghost atoms are an InputError.
    """

    _defaults: ClassVar[dict[str, Any]] = {
        "name": NAME,
        "scratch": False,
        "thread_safe": True,
        "thread_parallel": True,
        "node_parallel": False,
        "managed_memory": False,
    }

    @staticmethod
    def found(raise_error: bool = False) -> bool:
        """True: this is it."""
        return True

    def get_version(self) -> str:
        """The version of this library."""
        return str(virialff.__version__)

    def compute(self, input_data: AtomicInput, config: TaskConfig) -> AtomicResult:
        """The result of one calculation, in Eh, bohr and e. Raises InputError."""
        specification = input_data.specification
        try:
            model = _model(specification.model.method)
            molecule = _molecule(input_data.molecule)
            force_field = model.force_field(molecule)
            positions = np.asarray(input_data.molecule.geometry).reshape(-1, 3) * BOHR_IN_ANGSTROM
            energy, forces = force_field.energy_and_forces(positions)
        except VirialffError as error:
            raise InputError(str(error)) from error
        hartrees = float(energy) / HARTREE_IN_KCAL_MOL
        gradient = -forces * BOHR_IN_ANGSTROM / HARTREE_IN_KCAL_MOL
        dipole = point_charge_dipole(force_field.charges, positions).vector / BOHR_IN_ANGSTROM
        charges = force_field.charges.tolist()
        results = {
            "energy": hartrees,
            "gradient": gradient,
            "properties": {"charges": charges, "dipole": dipole.tolist()},
        }
        driver = str(getattr(specification.driver, "value", specification.driver))
        if driver not in results:
            raise InputError(f"the driver {driver!r} is not one of {', '.join(results)}")
        return AtomicResult(
            input_data=input_data,
            molecule=input_data.molecule,
            properties={
                "calcinfo_natom": molecule.n_atoms,
                "return_energy": hartrees,
                **({"return_gradient": gradient} if driver == "gradient" else {}),
            },
            return_result=results[driver],
            provenance=Provenance(creator=NAME, version=self.get_version(), routine=f"model {model.name}"),
            extras={NAME: {"charges": charges, "model_sha256": model.sha256, "level_of_theory": model.level_of_theory}},
            success=True,
        )


def register() -> None:
    """Make `virialff` a program that `qcengine.compute` knows; the second time nothing happens."""
    if NAME not in qcengine.list_all_programs():
        qcengine.register_program(VirialFFHarness())


@functools.lru_cache(maxsize=4)
def _model(name: str) -> Model:
    return load_model(name)


def _molecule(given: Any) -> Molecule:
    """The molecule of a QCSchema; its one conformer is the geometry."""
    if abs(given.molecular_charge) > 1e-6 or given.molecular_multiplicity != 1:
        raise InputError(
            f"the molecule has the charge {given.molecular_charge:+g} and the multiplicity "
            f"{given.molecular_multiplicity:g}; only neutral closed-shell molecules are treated"
        )
    if not np.all(given.real):
        raise InputError("the molecule has ghost atoms, which a force field does not know; leave them out")
    numbers = np.asarray(given.atomic_numbers, dtype=np.int64)
    positions = np.asarray(given.geometry).reshape(-1, 3) * BOHR_IN_ANGSTROM
    if given.connectivity:
        bonds = [(int(i), int(j)) for i, j, _ in given.connectivity]
        orders = [float(order) for _, _, order in given.connectivity]
        return Molecule.from_arrays(numbers, bonds, orders, positions)
    return Molecule.from_geometry(numbers, positions)
