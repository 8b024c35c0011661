"""Files for GROMACS and LAMMPS: every pair of atoms is a tabulated bond, as no functional form of theirs has our terms.

The tables hold the whole potential of a pair, Coulomb included, so that nothing else acts between the atoms. They are
for one molecule or complex in free space; liquids go through OpenMM. Distances go from NEAREST to what the geometry can
stretch to, in steps of STEP, where cubic splines are within 1e-4 kcal/mol of the potential.
"""

from __future__ import annotations

import io
from typing import TYPE_CHECKING

import numpy as np

from virialff.molecules.rdkit_forms import atomic_weights
from virialff.parameters.curves import PairCurves, pair_curves
from virialff.units import ANGSTROM_IN_NM, KCAL_IN_KJ

if TYPE_CHECKING:
    from virialff.models.force_field import ForceField

#: Angstrom. Below NEAREST a table goes on as a straight line.
NEAREST, STEP = 0.5, 0.01
#: Angstrom between the box and the molecule, which has to stay inside, and by which tables outlast the geometry.
MARGIN = 15.0


def gromacs_files(force_field: ForceField) -> dict[str, str]:
    """Text of `topol.top`, `conf.gro`, `run.mdp` and a `table_bN.xvg` for each pair, by name; nm and kJ/mol.

    The first conformer of the molecule is the geometry. Use them by
    `gmx grompp -f run.mdp -c conf.gro -p topol.top` and `gmx mdrun -tableb table_b*.xvg`.

    Raises MissingCoordinatesError or FlatCoordinatesError where there is none.
    """
    positions, edge = _in_box(force_field)
    curves = _curves(force_field, np.arange(0, edge + STEP / 2, STEP))
    molecule = force_field.molecule
    symbols = sorted(set(molecule.symbols))
    masses = atomic_weights(molecule.numbers).tolist()
    mass_of = dict(zip(molecule.symbols, masses, strict=True))
    number_of = dict(zip(molecule.symbols, molecule.numbers, strict=True))
    everyone = range(1, molecule.n_atoms + 1)
    top = [
        "; every pair of atoms is a tabulated bond that holds its whole potential; nothing acts beside them",
        "[ defaults ]",
        "1 1 no 1.0 1.0",
        "[ atomtypes ]",
        *(f"{symbol} {number_of[symbol]} {mass_of[symbol]:.4f} 0.0 A 0.0 0.0" for symbol in symbols),
        "[ moleculetype ]",
        "MOL 0",
        "[ atoms ]",
        *(
            f"{atom} {symbol} 1 MOL {symbol}{atom} 1 {charge:.6f} {mass:.4f}"
            for atom, symbol, charge, mass in zip(everyone, molecule.symbols, force_field.charges, masses, strict=True)
        ),
        "[ bonds ]",
        *(f"{i + 1} {j + 1} 9 {table} 1.0" for table, (i, j) in enumerate(curves.pairs.tolist())),
        "[ exclusions ]",
        *(" ".join(map(str, [atom, *(other for other in everyone if other != atom)])) for atom in everyone),
        "[ system ]",
        molecule.formula,
        "[ molecules ]",
        "MOL 1",
    ]
    gro = [
        molecule.formula,
        f"{molecule.n_atoms:5d}",
        *(
            f"{1:5d}{'MOL':<5}{f'{symbol}{atom}':>5}{atom:5d}{x:10.5f}{y:10.5f}{z:10.5f}"
            for atom, symbol, (x, y, z) in zip(everyone, molecule.symbols, positions * ANGSTROM_IN_NM, strict=True)
        ),
        " ".join([f"{edge * ANGSTROM_IN_NM:.5f}"] * 3),
    ]
    mdp = [
        "integrator = md",
        "dt = 0.0005",
        "nsteps = 2000",
        "nstenergy = 100",
        "cutoff-scheme = Verlet",
        "coulombtype = Cut-off",
        "rcoulomb = 1.0",
        "rvdw = 1.0",
        "pbc = xyz",
        "constraints = none",
    ]
    tables = {
        f"table_b{number}.xvg": _columns(
            curves.distances * ANGSTROM_IN_NM, energies * KCAL_IN_KJ, -slopes * KCAL_IN_KJ / ANGSTROM_IN_NM
        )
        for number, (energies, slopes) in enumerate(zip(curves.energies, curves.slopes, strict=True))
    }
    return {"topol.top": _lines(top), "conf.gro": _lines(gro), "run.mdp": _lines(mdp)} | tables


def lammps_files(force_field: ForceField) -> dict[str, str]:
    """Text of `molecule.data`, `pairs.table` and `in.molecule` by name, in LAMMPS units `real`.

    The first conformer of the molecule is the geometry. `lmp -in in.molecule` prints the energy.

    Raises MissingCoordinatesError or FlatCoordinatesError where there is none.
    """
    positions, edge = _in_box(force_field)
    curves = _curves(force_field, np.arange(NEAREST, edge + STEP / 2, STEP))
    molecule = force_field.molecule
    symbols = sorted(set(molecule.symbols))
    mass_of = dict(zip(molecule.symbols, atomic_weights(molecule.numbers).tolist(), strict=True))
    data = [
        f"{molecule.formula}; every pair of atoms is a tabulated bond that holds its whole potential",
        "",
        f"{molecule.n_atoms} atoms",
        f"{len(curves.pairs)} bonds",
        f"{len(symbols)} atom types",
        f"{len(curves.pairs)} bond types",
        "",
        *(f"0.0 {edge:.4f} {axis}lo {axis}hi" for axis in "xyz"),
        "",
        "Masses",
        "",
        *(f"{kind} {mass_of[symbol]:.4f} # {symbol}" for kind, symbol in enumerate(symbols, start=1)),
        "",
        "Atoms # full",
        "",
        *(
            f"{atom} 1 {symbols.index(symbol) + 1} {charge:.6f} {x:.8f} {y:.8f} {z:.8f}"
            for atom, (symbol, charge, (x, y, z)) in enumerate(
                zip(molecule.symbols, force_field.charges, positions, strict=True), start=1
            )
        ),
        "",
        "Bonds",
        "",
        *(f"{number} {number} {i + 1} {j + 1}" for number, (i, j) in enumerate(curves.pairs.tolist(), start=1)),
    ]
    n = len(curves.distances)
    tables = ["# UNITS: real", ""]
    for (i, j), energies, slopes in zip(curves.pairs.tolist(), curves.energies, curves.slopes, strict=True):
        body = _columns(np.arange(1, n + 1), curves.distances, energies, -slopes)
        tables += [f"PAIR_{i + 1}_{j + 1}", f"N {n}", "", body]
    commands = [
        "units real",
        "atom_style full",
        "boundary f f f",
        "pair_style zero 5.0 nocoeff",
        f"comm_modify cutoff {edge:.4f}",
        f"bond_style table spline {n}",
        "read_data molecule.data",
        "pair_coeff * *",
        *(
            f"bond_coeff {number} pairs.table PAIR_{i + 1}_{j + 1}"
            for number, (i, j) in enumerate(curves.pairs.tolist(), start=1)
        ),
        "timestep 0.5",
        "fix move all nve",
        "thermo_style custom step temp ebond etotal",
        "thermo_modify format float %.8f",
        "run 0",
    ]
    return {"molecule.data": _lines(data), "pairs.table": _lines(tables), "in.molecule": _lines(commands)}


def _in_box(force_field: ForceField) -> tuple[np.ndarray, float]:
    """The first conformer (n_atoms, 3) in the middle of a cubic box, and its edge, Angstrom."""
    molecule = force_field.molecule
    molecule.require_3d()
    positions = molecule.positions[0] - molecule.positions[0].mean(axis=0)
    edge = round(2 * float(np.linalg.norm(positions, axis=1).max()) + 2 * MARGIN, 2)
    return positions + edge / 2, edge


def _curves(force_field: ForceField, distances: np.ndarray) -> PairCurves:
    """Curves that are straight below NEAREST."""
    curves = pair_curves(force_field, np.maximum(distances, NEAREST))
    lacking = np.minimum(distances - NEAREST, 0.0)
    return curves._replace(distances=distances, energies=curves.energies + lacking * curves.slopes)


def _columns(*columns: np.ndarray) -> str:
    buffer = io.StringIO()
    formats = ["%d" if column.dtype.kind == "i" else "%.12g" for column in columns]
    np.savetxt(buffer, np.column_stack(columns), fmt=formats)
    return buffer.getvalue()


def _lines(lines: list[str]) -> str:
    return "\n".join(lines) + "\n"
