"""Counterpoise-corrected interaction energies."""

import numpy as np
import pytest

from virialff import get_engine
from virialff.engines.dft import CAMPAIGN_ENERGIES
from virialff.engines.pyscf import PyscfEngine
from virialff.errors import EngineError
from virialff.interactions.counterpoise import counterpoise_energies
from virialff.interactions.energies import interaction_energy
from virialff.molecules.molecule import Molecule

#: F, F, H, H: the first molecule points its hydrogen at the second.
POSITIONS = [[0, 0, 0], [0, 0, 2.75], [0, 0, 0.92], [0, 0.88, 3.02]]


@pytest.fixture(scope="module")
def fluoride_dimer() -> Molecule:
    return Molecule.from_smiles("F.F").with_positions(np.array(POSITIONS))


def test_superposition_error_is_taken_away(fluoride_dimer):
    engine = PyscfEngine(CAMPAIGN_ENERGIES)
    steps = []
    found = counterpoise_energies(
        engine,
        fluoride_dimer.numbers,
        fluoride_dimer.fragments,
        fluoride_dimer.positions[0],
        progress=lambda *step: steps.append(step),
    )
    assert steps == [(1, 3), (2, 3), (3, 3)]
    whole = float(engine.energy(fluoride_dimer, fluoride_dimer.positions)[0])
    assert found.complex_energy == pytest.approx(whole, abs=1e-6)
    alone = [fluoride_dimer.fragment(index) for index in range(2)]
    uncorrected = whole - sum(float(engine.energy(part, part.positions)[0]) for part in alone)
    # def2-SVP gains kcal/mol from functions of the neighbour.
    assert 0.5 < found.interaction_energy - uncorrected < 6.0
    assert found.interaction_energy < 0
    assert interaction_energy(fluoride_dimer, engine)[0] == pytest.approx(found.interaction_energy, abs=1e-6)
    engine.close()


def test_other_engines_need_no_correction(fluoride_dimer):
    gfn2 = get_engine("gfn2")
    parts = [fluoride_dimer.fragment(index) for index in range(2)]
    expected = gfn2.energy(fluoride_dimer, fluoride_dimer.positions)[0]
    expected -= sum(gfn2.energy(part, part.positions)[0] for part in parts)
    assert interaction_energy(fluoride_dimer, gfn2)[0] == pytest.approx(expected, abs=1e-9)


def test_program_that_is_missing_says_so(fluoride_dimer, monkeypatch):
    engine = PyscfEngine()
    monkeypatch.setattr(engine, "available", lambda: "pyscf is missing")
    with pytest.raises(EngineError, match="pyscf is missing"):
        counterpoise_energies(engine, fluoride_dimer.numbers, fluoride_dimer.fragments, fluoride_dimer.positions[0])
