"""`virialff export`: files for other programs."""

import numpy as np
import openmm
import pandas as pd
import pytest
from openmm import app, unit
from rdkit import Chem

from virialff import load_model
from virialff.cli import main
from virialff.conformers.generation import generate
from virialff.molecules.molecule import Molecule


def test_openmm_of_one_molecule_and_of_a_box(tmp_path, capsys):
    assert main(["export", "CO", "--to", "openmm", "-o", str(tmp_path / "one")]) == 0
    assert "a conformer was made" in capsys.readouterr().err
    system = openmm.XmlSerializer.deserialize((tmp_path / "one" / "system.xml").read_text())
    start = app.PDBFile(str(tmp_path / "one" / "start.pdb"))
    assert system.getNumParticles() == start.topology.getNumAtoms() == 6
    positions = start.getPositions(asNumpy=True).value_in_unit(unit.angstrom)
    simulation = app.Simulation(start.topology, system, openmm.VerletIntegrator(0.0005))
    simulation.context.setPositions(start.positions)
    energy = simulation.context.getState(getEnergy=True).getPotentialEnergy().value_in_unit(unit.kilocalories_per_mole)
    methanol = generate(Molecule.from_smiles("CO"), 1, seed=1)
    np.testing.assert_allclose(positions, methanol.positions[0], atol=1e-3)
    assert energy == pytest.approx(float(load_model().force_field(methanol).pair_energy(positions)), abs=1e-3)

    liquid = tmp_path / "liquid.smi"
    liquid.write_text("O water\nCO methanol\n")
    box = ["export", str(liquid), "--to", "openmm", "-o", str(tmp_path / "box"), "--counts", "20,7"]
    assert main(box) == 3
    assert "take more molecules or a shorter cutoff" in capsys.readouterr().err
    assert main([*box, "--cutoff", "7"]) == 0
    system = openmm.XmlSerializer.deserialize((tmp_path / "box" / "system.xml").read_text())
    start = app.PDBFile(str(tmp_path / "box" / "start.pdb"))
    assert system.getNumParticles() == start.topology.getNumAtoms() == 20 * 3 + 7 * 6
    assert [residue.name for residue in start.topology.residues()] == ["M01"] * 20 + ["M02"] * 7
    edge = start.topology.getUnitCellDimensions()[0].value_in_unit(unit.nanometer)
    assert edge == pytest.approx(system.getDefaultPeriodicBoxVectors()[0][0].value_in_unit(unit.nanometer), abs=1e-3)


def test_structures_with_charges_and_tables(tmp_path):
    charges = load_model().force_field(Molecule.from_smiles("CO")).charges
    assert main(["export", "CO", "--to", "sdf", "-o", str(tmp_path / "a.sdf")]) == 0
    (mol,) = Chem.SDMolSupplier(str(tmp_path / "a.sdf"), removeHs=False)
    np.testing.assert_allclose([a.GetDoubleProp("PartialCharge") for a in mol.GetAtoms()], charges, atol=1e-5)
    assert main(["export", "CO", "--to", "mol2", "-o", str(tmp_path / "a.mol2")]) == 0
    assert Chem.MolFromMol2File(str(tmp_path / "a.mol2"), removeHs=False).GetNumAtoms() == 6
    assert main(["export", "CO", "--to", "lj", "-o", str(tmp_path / "a.csv")]) == 0
    assert len(pd.read_csv(tmp_path / "a.csv")) == 3
    assert main(["export", "CO", "--to", "gromacs", "-o", str(tmp_path / "gmx")]) == 0
    assert len(list((tmp_path / "gmx").glob("table_b*.xvg"))) == 15
    assert main(["export", "CO", "--to", "lammps", "-o", str(tmp_path / "lmp")]) == 0
    assert {file.name for file in (tmp_path / "lmp").iterdir()} == {"molecule.data", "pairs.table", "in.molecule"}


def test_what_does_not_fit(tmp_path, capsys):
    two = tmp_path / "two.smi"
    two.write_text("O\nCO\n")
    for arguments, words in (
        (["--to", "gromacs"], "takes one molecule or complex and the input has 2"),
        (["--to", "openmm"], "--counts makes a box of them"),
        (["--to", "openmm", "--counts", "3"], "it has 1 number and the input 2 molecules"),
        (["--to", "sdf", "--counts", "3,4"], "a box is made by --to openmm alone"),
        (["--to", "openmm", "--counts", "3,x"], "'x' is not a whole number"),
    ):
        with pytest.raises(SystemExit) as left:
            raise SystemExit(main(["export", str(two), *arguments, "-o", str(tmp_path / "out")]))
        assert left.value.code == 2
        assert words in " ".join(capsys.readouterr().err.split())
    assert not (tmp_path / "out").exists()
    assert main(["export", "O", "--to", "sdf", "-o", str(tmp_path / "no" / "a.sdf")]) == 2
    assert "cannot be written" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("to", "name", "says"),
    [
        ("sdf", "a.mol2", ".mol2 is not written here, only .sdf"),
        ("mol2", "a.sdf", ".sdf is not written here, only .mol2"),
        ("lj", "a.parquet", ".parquet is not written here, only .csv"),
        ("gromacs", "a.csv", ".csv is not written here, only a folder"),
    ],
)
def test_a_name_of_another_form_is_refused(tmp_path, capsys, to, name, says):
    with pytest.raises(SystemExit) as left:
        raise SystemExit(main(["export", "CO", "--to", to, "-o", str(tmp_path / name)]))
    assert left.value.code == 2
    assert says in " ".join(capsys.readouterr().err.split())
    assert not list(tmp_path.iterdir())
