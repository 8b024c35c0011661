"""Relaxed scans."""

import numpy as np
import pytest

from virialff.conformers.display import display_geometry
from virialff.conformers.generation import generate
from virialff.conformers.relax import Minimum
from virialff.conformers.relaxed_scans import relax_scan
from virialff.conformers.scans import scan, scan_separation, value_of
from virialff.engines.xtb import Gfn2Engine
from virialff.errors import EngineError
from virialff.methods.method import get_method, with_forces
from virialff.molecules.molecule import Molecule

ENGINE = Gfn2Engine()


def test_a_torsion_keeps_its_values_and_lies_below_the_rigid_scan() -> None:
    rigid = scan(generate(Molecule.from_smiles("OO"), 1), (2, 0, 1, 3), [-180.0, 60.0, 120.0])
    done: list[tuple[int, int]] = []
    relaxed = relax_scan(rigid, ENGINE, progress=lambda *counts: done.append(counts))
    found = [value_of(relaxed.scan.molecule, rigid.atoms, conformer=number) for number in range(3)]
    np.testing.assert_allclose(np.abs(found), [180.0, 60.0, 120.0], atol=1e-4)
    assert (relaxed.energies <= ENGINE.energy(rigid.molecule, rigid.molecule.positions) + 1e-6).all()
    np.testing.assert_allclose(relaxed.energies, ENGINE.energy(rigid.molecule, relaxed.scan.molecule.positions))
    assert relaxed.converged.all()
    assert relaxed.notes() == []
    assert done == [(1, 3), (2, 3), (3, 3)]


def test_a_run_goes_on_where_another_was_stopped() -> None:
    rigid = scan(generate(Molecule.from_smiles("OO"), 1), (2, 0, 1, 3), [-180.0, 60.0, 120.0])
    whole = relax_scan(rigid, ENGINE)
    kept: dict[int, Minimum] = {}

    def stop(done: int, _: int) -> None:
        if done == 2:
            raise InterruptedError

    with pytest.raises(InterruptedError):
        relax_scan(rigid, ENGINE, progress=stop, keep=kept.__setitem__)
    assert len(kept) == 2
    again: list[int] = []
    rest = relax_scan(rigid, ENGINE, known=kept, keep=lambda number, _: again.append(number))
    assert len(again) == 1
    assert again[0] not in kept
    np.testing.assert_allclose(rest.energies, whole.energies, atol=1e-6)


def test_where_the_rest_flips_the_curve_is_said_to_jump() -> None:
    # The nitrogen is pyramidal on top of the barrier, and turns over behind it.
    amide = Molecule.from_smiles("CC(=O)NCCO")
    amide = amide.with_positions(display_geometry(amide).positions[None])
    relaxed = relax_scan(scan(amide, (0, 1, 3, 4), np.arange(-120.0, 1.0, 15.0)), with_forces(get_method("mmff94")))
    ((low, high),) = relaxed.jumps
    assert -120 < low < high < 0
    step = relaxed.energies[relaxed.scan.values == high] - relaxed.energies[relaxed.scan.values == low]
    assert abs(step) > 5.0
    assert any("the curve jumps" in note for note in relaxed.notes())
    butane = scan(generate(Molecule.from_smiles("CCCC"), 1), (0, 1, 2, 3), np.arange(-180.0, 181.0, 15.0))
    assert relax_scan(butane, with_forces(get_method("mmff94"))).jumps == ()


def test_molecules_pulled_apart_turn_to_each_other() -> None:
    dimer = Molecule.from_smiles("O.O")
    dimer = dimer.with_positions(display_geometry(dimer).positions[None])
    relaxed = relax_scan(scan_separation(dimer, [2.9, 6.0]), ENGINE)
    assert -6.5 < relaxed.energies[0] - relaxed.energies[1] < -2.5


def test_only_what_was_not_asked_for_is_noted() -> None:
    ethane = generate(Molecule.from_smiles("CC"), 1)
    stretched = relax_scan(scan(ethane, (0, 1), [1.5, 2.4]), ENGINE, max_steps=1)
    assert stretched.changes == ((), ())
    assert any("stopped before the forces were small" in note for note in stretched.notes())


def test_a_method_that_cannot_says_so() -> None:
    with pytest.raises(EngineError, match="Xe"):
        relax_scan(scan(generate(Molecule.from_smiles("CC"), 1), (0, 1), [1.5]), _Refusing())


class _Refusing(Gfn2Engine):
    def unsupported(self, molecule: Molecule) -> str | None:
        return "Xe is not known"
