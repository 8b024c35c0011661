"""The summary of QMugs: its published header, rows that cannot be used, and the identities between its energies."""

import gzip
import re

import pytest

from tests.virialff.labels.imports.qmugs_fixture import records, write_summary
from virialff.errors import DatasetError
from virialff.labels.imports.qmugs.problems import ConformerId, Problems, Reason, conformer_id
from virialff.labels.imports.qmugs.summary import ATOMS, COLUMNS, DISPERSION, SUMS, check_summary, read_summary

HEADER = (
    "chembl_id,conf_id,smiles,mw,atoms,heavy_atoms,heteroatoms,rotatable_bonds,stereocenters,rings,hbond_acceptors,"
    "hbond_donors,significant_negative_wavenumbers,nonunique_smiles,GFN2_TOTAL_ENERGY,GFN2_ATOMIC_ENERGY,"
    "GFN2_FORMATION_ENERGY,GFN2_TOTAL_ENTHALPY,GFN2_TOTAL_FREE_ENERGY,GFN2_DIPOLE_X,GFN2_DIPOLE_Y,GFN2_DIPOLE_Z,"
    "GFN2_DIPOLE_TOT,GFN2_QUADRUPOLE_XX,GFN2_QUADRUPOLE_XY,GFN2_QUADRUPOLE_YY,GFN2_QUADRUPOLE_XZ,GFN2_QUADRUPOLE_yz,"
    "GFN2_QUADRUPOLE_ZZ,GFN2_ROT_CONSTANT_A,GFN2_ROT_CONSTANT_B,GFN2_ROT_CONSTANT_C,GFN2_ENTHALPY_VIB,"
    "GFN2_ENTHALPY_ROT,GFN2_ENTHALPY_TRANSL,GFN2_ENTHALPY_TOT,GFN2_HEAT_CAPACITY_VIB,GFN2_HEAT_CAPACITY_ROT,"
    "GFN2_HEAT_CAPACITY_TRANSL,GFN2_HEAT_CAPACITY_TOT,GFN2_ENTROPY_VIB,GFN2_ENTROPY_ROT,GFN2_ENTROPY_TRANSL,"
    "GFN2_ENTROPY_TOT,GFN2_HOMO_ENERGY,GFN2_LUMO_ENERGY,GFN2_HOMO_LUMO_GAP,GFN2_FERMI_LEVEL,"
    "GFN2_DISPERSION_COEFFICIENT_MOLECULAR,GFN2_POLARIZABILITY_MOLECULAR,DFT_TOTAL_ENERGY,DFT_ATOMIC_ENERGY,"
    "DFT_FORMATION_ENERGY,DFT_DIPOLE_X,DFT_DIPOLE_Y,DFT_DIPOLE_Z,DFT_DIPOLE_TOT,DFT_ROT_CONSTANT_A,DFT_ROT_CONSTANT_B,"
    "DFT_ROT_CONSTANT_C,DFT_XC_ENERGY,DFT_NUCLEAR_REPULSION_ENERGY,DFT_ONE_ELECTRON_ENERGY,DFT_TWO_ELECTRON_ENERGY,"
    "DFT_HOMO_ENERGY,DFT_LUMO_ENERGY,DFT_HOMO_LUMO_GAP"
)


def test_the_header_is_the_published_one():
    assert ",".join(COLUMNS) == HEADER


@pytest.mark.parametrize("compressed", [False, True])
def test_rows_are_found_by_conformer(tmp_path, compressed):
    made = records()
    made[2].row["significant_negative_wavenumbers"] = "True"
    path = write_summary(tmp_path, made)
    if compressed:
        path = tmp_path / "summary.csv.gz"
        path.write_bytes(gzip.compress((tmp_path / "summary.csv").read_bytes()))
    problems = Problems()
    table = read_summary(path, problems)
    assert (table.n_rows, len(table.keys), dict(problems.counts)) == (6, 6, {})
    for record in made:
        conformer = conformer_id(record.chembl, record.conf)
        assert conformer is not None
        index = table.find(conformer)
        assert index is not None
        row = table.row(index)
        assert table.conformer(index) == conformer
        assert row.n_atoms == record.molecule.n_atoms
        assert row.dft_energy == float(record.row["DFT_TOTAL_ENERGY"])
        assert row.gfn2_energy == float(record.row["GFN2_TOTAL_ENERGY"])
        assert row.saddle == (record.chembl == "CHEMBL7")
    assert table.find(ConformerId(12, 2)) is None
    assert table.find(ConformerId(999_999_999, 0)) is None


def test_rows_that_cannot_be_used_are_counted_and_named(tmp_path):
    made = records()
    made[0].row["DFT_TOTAL_ENERGY"] = "nan"
    made[1].row["chembl_id"] = "12"
    made[3].row["significant_negative_wavenumbers"] = "maybe"
    made.append(records()[4])
    path = write_summary(tmp_path, made)
    path.write_text(path.read_text() + "CHEMBL5,conf_00,[H]O[H],18.0\n")
    problems = Problems()
    table = read_summary(path, problems)
    assert (table.n_rows, len(table.keys)) == (7, 3)
    assert problems.counts == {Reason.SUMMARY_ROW: 4, Reason.DOUBLE_ROW: 1}
    texts = [f"{problem.where}: {problem.text}" for problem in problems.examples[Reason.SUMMARY_ROW]]
    assert texts == [
        "summary.csv line 2: CHEMBL12/conf_00: 'nan' is not a finite number",
        "summary.csv line 3: '12' and 'conf_01' do not name a conformer",
        "summary.csv line 5: CHEMBL345678/conf_00: 'maybe' is neither True nor False",
        "summary.csv line 9: the row has 4 cells, the header 67",
    ]
    assert problems.examples[Reason.DOUBLE_ROW][0].where == "CHEMBL31/conf_00"


def test_a_foreign_or_missing_file_is_named(tmp_path):
    with pytest.raises(DatasetError, match=r"There is no file .*summary\.csv; give the folder"):
        read_summary(tmp_path / "summary.csv", Problems())
    foreign = tmp_path / "foreign.csv"
    foreign.write_text("chembl_id,conf_id,smiles\n")
    with pytest.raises(DatasetError, match=r"has no column mw and 63 more"):
        read_summary(foreign, Problems())
    foreign.write_text(HEADER + "\n")
    with pytest.raises(DatasetError, match="has no rows"):
        read_summary(foreign, Problems())
    cut = tmp_path / "cut.csv.gz"
    cut.write_bytes(gzip.compress(write_summary(tmp_path, records()).read_bytes())[:-40])
    with pytest.raises(DatasetError, match=r"cut\.csv\.gz cannot be read further"):
        read_summary(cut, Problems())


def test_energies_that_fit_violate_nothing(tmp_path):
    check = check_summary(write_summary(tmp_path, records()))
    assert (check.n_rows, dict(check.violations), check.examples) == (6, {}, ())
    assert check.largest[SUMS] < 1e-9
    assert check.largest[ATOMS] < 1e-9
    assert -0.005 < check.largest[DISPERSION] < 0.0


@pytest.mark.parametrize(
    ("column", "change", "identity", "words"),
    [
        ("GFN2_FORMATION_ENERGY", 1e-6, SUMS, "GFN2 total and atoms + formation differ by 1.000e-06 Eh"),
        ("DFT_TWO_ELECTRON_ENERGY", 1.0, DISPERSION, "leave a dispersion of -1.0"),
        ("DFT_NUCLEAR_REPULSION_ENERGY", -0.5, DISPERSION, "leave a dispersion of 0.4"),
    ],
)
def test_each_identity_is_checked(tmp_path, column, change, identity, words):
    made = records()
    made[3].row[column] = repr(float(made[3].row[column]) + change)
    check = check_summary(write_summary(tmp_path, made))
    assert check.violations == {identity: 1}
    assert check.examples[0].startswith("line 5 (CHEMBL345678/conf_00): ")
    assert words in check.examples[0]


def test_atoms_of_another_table_are_a_violation(tmp_path):
    made = records()
    for column, sign in (("DFT_ATOMIC_ENERGY", 1), ("DFT_FORMATION_ENERGY", -1)):
        made[0].row[column] = repr(float(made[0].row[column]) + sign * 6e-4)
    made[1].row["smiles"] = "C(("
    made[2].row["DFT_XC_ENERGY"] = "-"
    made[3].row["smiles"] = "II"
    check = check_summary(write_summary(tmp_path, made))
    assert check.violations == {ATOMS: 2, SUMS: 1}
    assert check.n_other_elements == 1
    assert re.search(r"line 2 .*DFT_ATOMIC_ENERGY and the atoms of its SMILES differ by 6\.000e-04", check.examples[0])
    assert "line 3 (CHEMBL12/conf_01): its SMILES cannot be read" in check.examples
    assert check.largest[ATOMS] == pytest.approx(6e-4)
