"""Rows of the label store from single calculations: GFN2-xTB, ANI and wB97X-D/def2-SVP."""

import importlib.metadata
import json
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, replace
from functools import cache, partial
from typing import Any, NamedTuple

import numpy as np

from virialff.engines import get_engine
from virialff.engines.base import FloatArray
from virialff.engines.density import LOWDIN, lowdin_charges, virial_descriptors
from virialff.engines.dft import CAMPAIGN, CAMPAIGN_ENERGIES, LEVEL_OF_THEORY, DftSettings
from virialff.engines.pyscf import PyscfEngine
from virialff.engines.xtb import Gfn2Engine, default_backend, single_point
from virialff.errors import EngineError
from virialff.interactions.counterpoise import counterpoise_energies
from virialff.interactions.energies import interaction_energy
from virialff.labels.schema import Label
from virialff.labels.structure import structure_fields
from virialff.methods.method import require
from virialff.molecules.molecule import Molecule
from virialff.units import BOHR_IN_ANGSTROM, HARTREE_IN_KCAL_MOL


class Calculation(NamedTuple):
    """How one row is computed."""

    level: Callable[[], dict[str, Any]]  #: level of theory, program and settings of the row
    compute: Callable[[Label, FloatArray], Label]  #: from the row without results, and positions, to that with them


@cache
def dft_engine(settings: DftSettings) -> PyscfEngine:
    """The DFT engine of this process with these settings. One thread: a campaign has many workers."""
    return PyscfEngine(settings, threads=1)


class Rows:
    """The rows of one task, each with the next number; `shared` are fields of Label that rows may have otherwise."""

    def __init__(self, task: str, source: str, **shared: Any) -> None:
        self._shared: dict[str, Any] = {"task": task, "source": source, **shared}
        self.labels: list[Label] = []

    def put(self, **fields: Any) -> None:
        """Add a row of these fields of Label."""
        self.labels.append(self._next(**fields))

    def add(
        self, molecule: Molecule, positions: FloatArray, kind: str, detail: str, calculations: Sequence[Calculation]
    ) -> None:
        """Compute a row by each calculation at `positions` (n_atoms, 3), Angstrom; one that fails says why."""
        structure = structure_fields(molecule)
        for calculation in calculations:
            start = time.monotonic()
            empty = self._next(
                **structure, **calculation.level(), positions=positions, kind=kind, detail=detail, seconds=0.0
            )
            try:
                row = calculation.compute(empty, positions)
            except EngineError as error:
                row = replace(empty, failure=str(error))
            self.labels.append(replace(row, seconds=time.monotonic() - start))

    def fail(self, molecule: Molecule, kind: str, detail: str, calculation: Calculation, reason: str) -> None:
        """Record that there is no geometry to compute."""
        level = calculation.level()
        self.put(
            **structure_fields(molecule), **level, positions=None, kind=kind, detail=detail, seconds=0.0, failure=reason
        )

    def _next(self, **fields: Any) -> Label:
        return Label(identifier=f"{self._shared['task']}/{len(self.labels)}", **(self._shared | fields))


@cache
def gfn2_level() -> dict[str, Any]:
    """Level of theory, program and settings of a row by GFN2-xTB."""
    backend = default_backend()
    version = importlib.metadata.version({"xtb-python": "xtb", "tblite": "tblite"}[backend])
    # xtb's defaults; they are written down because a later program may have others.
    settings = json.dumps({"accuracy": 1.0, "electronic_temperature_kelvin": 300.0}, sort_keys=True)
    return {
        "level_of_theory": Gfn2Engine().level,
        "program": f"{backend} {version}",
        "settings": settings,
    }


@cache
def _ani_level() -> dict[str, Any]:
    engine = get_engine("ani")
    if engine.available() is None:
        # Which ANI it is, is known once its weights are there.
        engine.atomic_energies([1])
    program = f"TorchANI {importlib.metadata.version('torchani')}"
    return {"level_of_theory": engine.level, "program": program, "settings": "{}"}


def _dft_level(settings: DftSettings) -> dict[str, Any]:
    text = json.dumps(asdict(settings), sort_keys=True)
    return {"level_of_theory": LEVEL_OF_THEORY, "program": dft_engine(settings).program(), "settings": text}


def _gfn2(row: Label, positions: FloatArray) -> Label:
    """GFN2-xTB energy, forces, dipole and Mulliken charges."""
    result = single_point(row.numbers, positions)
    return replace(
        row,
        energy=result.energy,
        forces=result.forces,
        dipole=result.dipole,
        charges=result.charges,
        charge_scheme="Mulliken",
    )


def _gfn2_complex(row: Label, positions: FloatArray) -> Label:
    """The same of a complex, with its vertical interaction energy and forces."""
    whole = _gfn2(row, positions)
    alone, forces = 0.0, np.zeros_like(positions)
    for index in range(int(row.fragments.max()) + 1):
        mine = row.fragments == index
        result = single_point(row.numbers[mine], positions[mine])
        alone += result.energy
        forces[mine] = result.forces
    assert whole.energy is not None
    assert whole.forces is not None
    return replace(
        whole,
        interaction_energy=whole.energy - alone,
        interaction_forces=whole.forces - forces,
        counterpoise=False,
    )


def _ani(row: Label, positions: FloatArray) -> Label:
    """ANI energy and forces; of a complex its vertical interaction energy too. Elements without parameters fail."""
    engine = get_engine("ani")
    molecule = Molecule.from_arrays(row.numbers, row.bonds, row.orders, positions[None])
    require(engine, molecule)
    energies, forces = engine.energy_and_forces(molecule, molecule.positions)
    results: dict[str, Any] = {"energy": float(energies[0]), "forces": forces[0]}
    if molecule.n_fragments > 1:
        results |= {"interaction_energy": float(interaction_energy(molecule, engine)[0]), "counterpoise": False}
    return replace(row, **results)


def _dft(row: Label, positions: FloatArray) -> Label:
    """Total energy, dipole, Löwdin charges and the kinetic energy by atom and bond (Eq. 9-12)."""
    result = dft_engine(CAMPAIGN).electronic_structure(row.numbers, positions)
    parts = virial_descriptors(result.density, result.kinetic, result.ao_atoms, row.bonds, row.n_atoms)
    return replace(
        row,
        energy=result.energy * HARTREE_IN_KCAL_MOL,
        dipole=result.dipole * BOHR_IN_ANGSTROM,
        charges=lowdin_charges(result.density, result.overlap, result.ao_atoms, result.numbers),
        charge_scheme=LOWDIN,
        kinetic_atoms=parts.atoms * HARTREE_IN_KCAL_MOL,
        kinetic_bonds=parts.bonds * HARTREE_IN_KCAL_MOL,
        kinetic_nonbonded=parts.nonbonded * HARTREE_IN_KCAL_MOL,
    )


def _dft_energy(row: Label, positions: FloatArray) -> Label:
    """The total energy alone."""
    result = dft_engine(CAMPAIGN_ENERGIES).electronic_structure(row.numbers, positions)
    return replace(row, energy=result.energy * HARTREE_IN_KCAL_MOL)


def _dft_complex(row: Label, positions: FloatArray) -> Label:
    """Total energy of a complex and its counterpoise-corrected vertical interaction energy."""
    found = counterpoise_energies(dft_engine(CAMPAIGN_ENERGIES), row.numbers, row.fragments, positions)
    return replace(row, energy=found.complex_energy, interaction_energy=found.interaction_energy, counterpoise=True)


GFN2 = Calculation(gfn2_level, _gfn2)
GFN2_COMPLEX = Calculation(gfn2_level, _gfn2_complex)
ANI = Calculation(_ani_level, _ani)
DFT = Calculation(partial(_dft_level, CAMPAIGN), _dft)
DFT_ENERGY = Calculation(partial(_dft_level, CAMPAIGN_ENERGIES), _dft_energy)
DFT_COMPLEX = Calculation(partial(_dft_level, CAMPAIGN_ENERGIES), _dft_complex)
