"""The tables of docs/dft.md: `python -m perf.dft atoms molecules timing` (any of the three), as Markdown on stdout.

`atoms` compares isolated atoms with QMugs, `molecules` PySCF at the settings of the campaign with Psi4's exact
integrals, `timing` the campaign's settings on one thread.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterable

import numpy as np

from virialff.conformers.generation import generate
from virialff.elements import ATOMIC_NUMBERS, SYMBOL_OF
from virialff.engines.density import virial_descriptors, virial_ratio
from virialff.engines.dft import CAMPAIGN, CAMPAIGN_ENERGIES, QMUGS, QMUGS_ATOMIC_ENERGIES, REFERENCE, DftEngine
from virialff.engines.psi4 import Psi4Engine
from virialff.engines.pyscf import PyscfEngine
from virialff.molecules.molecule import Molecule
from virialff.units import HARTREE_IN_KCAL_MOL

#: Ten small molecules with all nine elements among them.
MOLECULES = {
    "water": "O",
    "ammonia": "N",
    "methane": "C",
    "hydrogen cyanide": "C#N",
    "formaldehyde": "C=O",
    "fluoromethane": "CF",
    "phosphine": "P",
    "hydrogen sulfide": "S",
    "chloromethane": "CCl",
    "bromomethane": "CBr",
}
TIMED = {"alanine dipeptide": "CC(=O)NC(C)C(=O)NC", "ibuprofen": "CC(C)Cc1ccc(cc1)C(C)C(=O)O"}


def main() -> None:
    """Print the tables asked for."""
    parser = argparse.ArgumentParser(description=__doc__)
    tables = {"atoms": atoms, "molecules": molecules, "timing": timing}
    parser.add_argument("tables", nargs="+", choices=tables)
    for name in parser.parse_args().tables:
        tables[name]()


def atoms() -> None:
    """Isolated atoms, Eh, and their differences to QMugs."""
    engines: dict[str, DftEngine] = {
        "Psi4, settings of QMugs": Psi4Engine(QMUGS),
        "Psi4, exact integrals": Psi4Engine(REFERENCE),
        "PySCF, exact integrals": PyscfEngine(REFERENCE),
        "PySCF, campaign": PyscfEngine(CAMPAIGN),
    }
    header("atom", "QMugs (Eh)", *(f"{name} (Eh)" for name in engines))
    for number in ATOMIC_NUMBERS:
        known = QMUGS_ATOMIC_ENERGIES[number]
        energies = [engine.atomic_energies([number])[0] / HARTREE_IN_KCAL_MOL for engine in engines.values()]
        row(SYMBOL_OF[number], f"{known:.7f}", *(f"{energy - known:+.2e}" for energy in energies))
    close(engines.values())


def molecules() -> None:
    """PySCF at campaign settings minus Psi4 with exact integrals: E, T, gradient, dipole, terms of T."""
    reference, campaign = Psi4Engine(REFERENCE), PyscfEngine(CAMPAIGN)
    header(
        "molecule", "E, Psi4 (Eh)", "ΔE (Eh)", "T, Psi4 (Eh)", "ΔT (Eh)", "largest ΔT of an atom or bond (Eh)",
        "largest Δgradient (Eh/Bohr)", "largest Δdipole (e Bohr)", "-E/T",
    )  # fmt: skip
    for name, smiles in MOLECULES.items():
        molecule = generate(Molecule.from_smiles(smiles), 1, seed=1)
        results = [
            engine.electronic_structure(molecule.numbers, molecule.positions[0], gradient=True)
            for engine in (reference, campaign)
        ]
        psi4, pyscf = results
        terms = []
        for result in results:
            parts = virial_descriptors(
                result.density, result.kinetic, result.ao_atoms, molecule.bonds, molecule.n_atoms
            )
            terms.append(np.concatenate([parts.atoms, parts.bonds]))
        assert psi4.gradient is not None
        assert pyscf.gradient is not None
        row(
            name,
            f"{psi4.energy:.6f}",
            f"{pyscf.energy - psi4.energy:+.1e}",
            f"{psi4.kinetic_energy:.6f}",
            f"{pyscf.kinetic_energy - psi4.kinetic_energy:+.1e}",
            f"{np.abs(terms[1] - terms[0]).max():.1e}",
            f"{np.abs(pyscf.gradient - psi4.gradient).max():.1e}",
            f"{np.abs(pyscf.dipole - psi4.dipole).max():.1e}",
            f"{virial_ratio(pyscf.energy, pyscf.kinetic_energy):.5f}",
        )
    close([reference, campaign])


def timing() -> None:
    """Seconds of one calculation at the campaign's settings and of one for the energy alone, and -E/T."""
    whole, energies = PyscfEngine(CAMPAIGN), PyscfEngine(CAMPAIGN_ENERGIES)
    header("molecule", "atoms", "campaign (s)", "energy alone (s)", "ΔE of that (Eh)", "-E/T")
    for name, smiles in TIMED.items():
        molecule = generate(Molecule.from_smiles(smiles), 1, seed=1)
        ours, other = (
            engine.electronic_structure(molecule.numbers, molecule.positions[0]) for engine in (whole, energies)
        )
        row(
            name,
            str(molecule.n_atoms),
            f"{ours.seconds:.0f}",
            f"{other.seconds:.0f}",
            f"{other.energy - ours.energy:+.1e}",
            f"{virial_ratio(ours.energy, ours.kinetic_energy):.4f}",
        )
    close([whole, energies])


def header(*cells: str) -> None:
    """The head of a Markdown table."""
    row(*cells)
    row(*("---" for _ in cells))


def row(*cells: str) -> None:
    """One row of a Markdown table."""
    print("| " + " | ".join(cells) + " |", flush=True)


def close(engines: Iterable[DftEngine]) -> None:
    """End the workers."""
    for engine in engines:
        engine.close()


if __name__ == "__main__":
    main()
