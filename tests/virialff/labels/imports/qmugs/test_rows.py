"""A conformer of QMugs as a row: units, and the checks that geometry and energies belong together."""

import json

import numpy as np
import pytest
from rdkit import Chem

from tests.virialff.labels.imports.qmugs_fixture import Record, records
from virialff.engines.xtb import single_point
from virialff.labels.imports.qmugs.problems import ConformerId, Reason, Refused, conformer_id
from virialff.labels.imports.qmugs.rows import (
    LEVELS,
    Level,
    check_structure,
    make_label,
    nuclear_repulsion,
    rotational_constants,
    task_name,
    used_tags,
)
from virialff.labels.imports.qmugs.structures import TAGS, parse_structure
from virialff.labels.imports.qmugs.summary import SummaryRow
from virialff.labels.schema import check_label

WATER = np.array([[0.0, 0.0, 0.0], [0.9572, 0.0, 0.0], [-0.23999, 0.92663, 0.0]])


def label(record: Record, level="dft", *, saddle=False, **options):
    conformer = conformer_id(record.chembl, record.conf)
    assert conformer is not None
    energies = float(record.row["DFT_TOTAL_ENERGY"]), float(record.row["GFN2_TOTAL_ENERGY"])
    row = SummaryRow(int(record.row["atoms"]), *energies, saddle)
    structure = parse_structure(record.sdf())
    check_structure(structure, conformer, row)
    return make_label(structure, conformer, row, level, **options)


def refusal(record: Record, level="dft") -> tuple[Reason, str]:
    with pytest.raises(Refused) as caught:
        label(record, level)
    return caught.value.reason, caught.value.text


def test_dft_row_in_the_units_of_the_library():
    record = records()[2]
    row = label(record)
    check_label(row)
    assert (row.identifier, row.task) == ("qmugs/CHEMBL7/conf_00/0", "qmugs/CHEMBL7/conf_00")
    assert row.inchikeys == (record.molecule.inchikey,)
    assert (row.kind, row.detail, row.source) == ("minimum", "minimum_gfn2", "qmugs")
    assert (row.level_of_theory, row.charge_scheme) == ("wB97X-D/def2-SVP", "Löwdin")
    assert json.loads(row.settings)["density_fitting"] == "def2-svp-jkfit"
    np.testing.assert_array_equal(row.positions, record.molecule.positions[0])
    assert row.energy == pytest.approx(float(record.row["DFT_TOTAL_ENERGY"]) * 627.5094740631, abs=1e-6)
    # 1 e Angstrom is 4.8032 D.
    assert row.dipole[0] == pytest.approx(float(record.row["DFT_DIPOLE_X"]) / 4.80320, rel=1e-5)
    assert abs(row.charges.sum()) < 1e-6


def test_gfn2_row_is_what_the_engine_gives_at_that_geometry():
    record = records()[0]
    row = label(record, "gfn2")
    check_label(row)
    computed = single_point(row.numbers, row.positions)
    assert row.identifier == "qmugs-gfn2/CHEMBL12/conf_00/0"
    assert (row.level_of_theory, row.charge_scheme) == ("GFN2-xTB", "Mulliken")
    assert row.energy == pytest.approx(computed.energy, abs=1e-6)
    np.testing.assert_allclose(row.dipole, computed.dipole, atol=1e-6)
    np.testing.assert_allclose(row.charges, computed.charges, atol=1e-6)


def test_the_used_tags_are_published_ones():
    for level in LEVELS:
        assert set(used_tags(level)) <= set(TAGS)
    assert len({task_name(ConformerId(1, 2), level) for level in LEVELS}) == len(LEVELS)


def test_a_saddle_is_no_minimum():
    row = label(records()[0], saddle=True)
    assert (row.kind, row.detail) == ("displaced", "saddle_gfn2")


@pytest.mark.parametrize("level", LEVELS)
def test_a_missing_tag_costs_the_row_of_its_level_alone(level: Level):
    (other,) = set(LEVELS) - {level}
    for tag in set(used_tags(level)) - set(used_tags(other)):
        record = records()[0]
        del record.tags[tag]
        assert refusal(record, level) == (Reason.MISSING_TAG, f"the tag {tag} is missing")
        check_label(label(record, other))


def test_what_does_not_belong_together_is_refused():
    record = records()[0]
    record.tags["CONF_ID"] = "conf_01"
    assert refusal(record) == (Reason.DISAGREE, "the record says CHEMBL12/conf_01")
    record = records()[0]
    record.row["atoms"] = "11"
    assert refusal(record) == (Reason.DISAGREE, "the record has 10 atoms, the summary 11")
    record = records()[0]
    record.row["DFT_TOTAL_ENERGY"] = repr(float(record.row["DFT_TOTAL_ENERGY"]) + 2e-6)
    reason, text = refusal(record)
    assert (reason, text.startswith("DFT:TOTAL_ENERGY is -230.")) == (Reason.DISAGREE, True)
    check_label(label(record, "gfn2"))


def test_bonds_that_are_not_those_of_the_geometry_are_refused():
    record = records()[0]
    stretched = record.molecule.positions.copy()
    stretched[0, 4] += 1.5
    record.block = Chem.MolToMolBlock(record.molecule.with_positions(stretched).to_rdkit())
    reason, text = refusal(record)
    assert (reason, "broke" in text) == (Reason.BONDS, True)


@pytest.mark.parametrize("level", LEVELS)
def test_energies_of_another_conformer_are_refused_unless_asked_for(level):
    first, second = records()[:2]
    record = records()[0]
    record.block = second.block
    reason, text = refusal(record, level)
    assert reason == Reason.OTHER_GEOMETRY
    assert ("nuclear repulsion" if level == "dft" else "rotational constants") in text
    row = label(record, level, any_geometry=True)
    assert row.detail == "minimum_gfn2_of_another_geometry"
    assert label(first, level).energy == row.energy


def test_nuclear_repulsion_and_rotational_constants_of_known_molecules():
    # Hydrogen at 0.7414 Angstrom: 1/1.4010 Eh; water, measured: 27.88, 14.51, 9.28 cm-1 and 9.19 Eh.
    assert nuclear_repulsion(np.array([1, 1]), np.array([[0, 0, 0], [0.7414, 0, 0]])) == pytest.approx(
        0.71376, abs=1e-4
    )
    assert nuclear_repulsion(np.array([8, 1, 1]), WATER) == pytest.approx(9.19, abs=0.01)
    np.testing.assert_allclose(rotational_constants(np.array([8, 1, 1]), WATER), [27.88, 14.51, 9.28], rtol=0.03)
    linear = rotational_constants(np.array([6, 8]), np.array([[0, 0, 0], [1.128, 0, 0]]))
    assert np.isinf(linear[0])
    np.testing.assert_allclose(linear[1:], 1.931, rtol=0.01)
