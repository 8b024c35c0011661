import numpy as np
import pytest

from virialff.benchmarks.base_pairs import PAPER, run_relaxed_base_pairs
from virialff.benchmarks.psi4_databases import read_database
from virialff.benchmarks.relaxed import run_relaxed
from virialff.engines import get_engine
from virialff.interactions.energies import interaction_energy, relax_complex
from virialff.molecules.molecule import Molecule

pytestmark = pytest.mark.usefixtures("psi4_data")


def test_gfn2_base_pairs_are_the_papers():
    """The paper's table: 16.1 and 29.2 kcal/mol with GFN2-xTB at its own minima."""
    gfn2 = get_engine("gfn2")
    result = run_relaxed_base_pairs({"GFN2-xTB": gfn2}, gfn2)
    assert result.table["category"].tolist() == ["A-T", "G-C"]
    assert result.table["GFN2-xTB"].to_numpy() == pytest.approx(PAPER["GFN2-xTB"].to_numpy(), abs=0.2)
    assert result.changes == {}
    assert result.geometry_level == "GFN2-xTB"


def test_relaxing_the_monomers_lowers_the_interaction_energy():
    gfn2 = get_engine("gfn2")
    dimer = read_database("S66")[16]
    result = run_relaxed([dimer], {"GFN2-xTB": gfn2}, gfn2)
    relaxed = relax_complex(Molecule.from_rdkit(dimer.to_rdkit()), gfn2)
    vertical = interaction_energy(relaxed.molecule, gfn2)[0]
    assert result.table["GFN2-xTB"][0] < vertical - 0.5


def test_a_method_that_cannot_compute_it_is_in_the_table_with_its_reason(random_model):
    dimer = next(item for item in read_database("JSCH") if item.index == 12)
    molecule = Molecule.from_rdkit(dimer.to_rdkit())
    assert 16 in molecule.numbers
    result = run_relaxed([dimer], {"model": random_model}, get_engine("gfn2"))
    assert np.isnan(result.table["model"][0])
    assert "was not trained on it" in result.reasons["model", dimer.label]
    assert "model (kcal/mol)" in result.with_units()
