import numpy as np
import pytest
from rdkit import Chem

from virialff.benchmarks.psi4_databases import SOURCES, psi4_data_folder, read_database
from virialff.errors import EvaluationSetError
from virialff.units import BOHR_IN_ANGSTROM


@pytest.mark.usefixtures("psi4_data")
def test_sizes_of_the_sets():
    sizes = {name: len(read_database(name)) for name in SOURCES}
    assert sizes == {"S66": 66, "S66x8": 528, "S22": 22, "S22x5": 110, "A24": 24, "JSCH": 124}


@pytest.mark.usefixtures("psi4_data")
def test_water_dimer_of_s66():
    dimer = read_database("S66")[0]
    assert (dimer.label, dimer.category) == ("S66 1 (Water Dimer)", "hydrogen-bonded")
    assert dimer.interaction_energy == pytest.approx(-4.918)
    assert dimer.numbers.tolist() == [8, 1, 1, 8, 1, 1]
    assert np.linalg.norm(dimer.positions[0] - dimer.positions[3]) == pytest.approx(2.9, abs=0.1)


@pytest.mark.usefixtures("psi4_data")
@pytest.mark.parametrize(("index", "repulsion"), [(37, 188.28929834), (57, 203.60060155)])
def test_geometry_gives_the_nuclear_repulsion_energy_of_the_file(index, repulsion):
    """S66.py itself states the nuclear repulsion of monomer A in hartree."""
    monomer = read_database("S66")[index - 1].fragments[0]
    i, j = np.triu_indices(len(monomer.numbers), k=1)
    distances = np.linalg.norm(monomer.positions[i] - monomer.positions[j], axis=1) / BOHR_IN_ANGSTROM
    energy = float(np.sum(monomer.numbers[i] * monomer.numbers[j] / distances))
    assert energy == pytest.approx(repulsion, abs=1e-3)


@pytest.mark.usefixtures("psi4_data")
def test_categories_of_s66():
    categories = [item.category for item in read_database("S66")]
    assert {name: categories.count(name) for name in set(categories)} == {
        "hydrogen-bonded": 23,
        "dispersion": 23,
        "mixed": 20,
    }


@pytest.mark.usefixtures("psi4_data")
def test_curves_carry_their_separation_factor():
    factors = [item.separation_factor for item in read_database("S66x8")[:8]]
    assert factors == [0.9, 0.95, 1.0, 1.05, 1.1, 1.25, 1.5, 2.0]
    assert read_database("S66x8")[0].label == "S66x8 1 (Water ... Water) x0.9"


@pytest.mark.usefixtures("psi4_data")
def test_bonds_are_those_of_the_named_molecule():
    stack = read_database("S66")[25]
    assert [Chem.MolToSmiles(Chem.RemoveHs(part.to_rdkit())) for part in stack.fragments] == [
        "O=c1cc[nH]c(=O)[nH]1"
    ] * 2


def test_missing_data_folder_says_what_to_install(tmp_path, monkeypatch):
    monkeypatch.setenv("PSIDATADIR", str(tmp_path))
    with pytest.raises(EvaluationSetError, match="install the Debian package psi4-data"):
        psi4_data_folder()


def test_unknown_set_lists_the_known():
    with pytest.raises(EvaluationSetError, match="choose one of S66, S66x8"):
        read_database("S67")


def test_file_of_another_layout_is_refused(tmp_path):
    (tmp_path / "databases").mkdir()
    path = tmp_path / "databases" / "S66.py"
    path.write_text("dbse = 'S66'\nBIND = {}\nBIND['%s-%s' % (dbse, 1)] = -4.9\n")
    with pytest.raises(EvaluationSetError, match="holds no geometry 'S66-1-dimer'"):
        read_database("S66", tmp_path)
