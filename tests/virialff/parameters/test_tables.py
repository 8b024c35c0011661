import io
import json

import numpy as np
import pandas as pd
import pytest
from rdkit import Chem

from virialff import load_model
from virialff.conformers.generation import search
from virialff.errors import MissingCoordinatesError
from virialff.molecules.molecule import Molecule
from virialff.parameters.tables import charges_table, force_field_json, pairs_table, sdf_with_charges, to_csv


@pytest.fixture(scope="module")
def model():
    return load_model()


@pytest.fixture(scope="module")
def butanol(model):
    return model.force_field(search(Molecule.from_smiles("CCCCO butan-1-ol"), 3).molecule)


def test_charges_count_atoms_and_fragments_from_one(model):
    force_field = model.force_field(Molecule.from_smiles("O.F"))
    table = charges_table(force_field.molecule, force_field.charges)
    assert list(table["atom"]) == [1, 2, 3, 4, 5]
    assert list(table["element"]) == ["O", "F", "H", "H", "H"]
    assert list(table["fragment"]) == [1, 2, 1, 1, 2]
    np.testing.assert_array_equal(table["charge_e"], force_field.charges)


def test_pairs_carry_units_in_their_names_and_survive_csv(butanol):
    table = pairs_table(butanol, butanol.molecule.positions[0])
    units = ("_A", "_kcal_per_mol", "_kcal_A6_per_mol", "_kcal_A12_per_mol")
    for column in table.columns[5:]:
        assert str(column).endswith(units), column
    again = pd.read_csv(io.StringIO(to_csv(table)))
    assert list(again.columns) == list(table.columns)
    pd.testing.assert_frame_equal(again, table, check_dtype=False, rtol=1e-6)


def test_pairs_are_those_of_the_force_field(butanol):
    positions = butanol.molecule.positions[1]
    table = pairs_table(butanol, positions)
    row = table.iloc[17]
    pair = butanol.pairs.iloc[17]
    assert (row["atom_i"], row["atom_j"]) == (pair["i"] + 1, pair["j"] + 1)
    assert row["C1_kcal_A12_per_mol"] == pair["C1"]
    assert row["C2_kcal_per_mol"] == pair["C2"]
    assert row["C3_A"] == pair["C3"]
    assert row["distance_A"] == pytest.approx(np.linalg.norm(positions[pair["i"]] - positions[pair["j"]]))
    assert "distance_A" not in pairs_table(butanol)


def test_undefined_sigma_is_an_empty_cell(butanol):
    bonded = pairs_table(butanol).query("relation == 'bonded'")
    assert ",," in to_csv(bonded).splitlines()[1]


def test_sdf_gives_charges_and_every_conformer_back(model, butanol):
    text = sdf_with_charges(butanol.molecule, butanol.charges, model=model, geometry="as given")
    records = list(Chem.ForwardSDMolSupplier(io.BytesIO(text.encode()), removeHs=False))
    assert len(records) == butanol.molecule.n_conformers == 3
    for mol, positions in zip(records, butanol.molecule.positions, strict=True):
        charges = [atom.GetDoubleProp("PartialCharge") for atom in mol.GetAtoms()]
        np.testing.assert_allclose(charges, butanol.charges, atol=1e-5)
        np.testing.assert_allclose(mol.GetConformer().GetPositions(), positions, atol=1e-4)
        assert mol.GetProp("_Name") == "butan-1-ol"
        assert mol.GetProp("LEVEL_OF_THEORY") == model.level_of_theory
        assert mol.GetProp("GEOMETRY") == "as given"


def test_title_cannot_break_the_sdf(model):
    molecule = search(Molecule.from_smiles("O"), 1).molecule
    named = Molecule.from_rdkit(with_title(molecule.to_rdkit(), "a\n$$$$\n> <X>"))
    text = sdf_with_charges(named, np.zeros(3), model=model)
    assert len(list(Chem.ForwardSDMolSupplier(io.BytesIO(text.encode())))) == 1


def with_title(mol, title):
    mol.SetProp("_Name", title)
    return mol


def test_sdf_needs_coordinates(model):
    with pytest.raises(MissingCoordinatesError, match="generate a conformer"):
        sdf_with_charges(Molecule.from_smiles("O"), np.zeros(3), model=model)


def test_json_is_complete_and_has_null_for_what_is_undefined(model, butanol):
    record = json.loads(force_field_json(butanol, model=model))
    assert record["model"]["sha256"] == model.sha256
    assert record["molecule"]["smiles"] == "CCCCO"
    np.testing.assert_allclose(record["charges"], butanol.charges)
    pairs = pd.DataFrame(record["pairs"])
    assert list(pairs.columns) == list(butanol.pairs.columns)
    assert pairs.loc[pairs["relation"] == "bonded", "sigma"].isna().all()
    np.testing.assert_allclose(pairs["C13"], butanol.pairs["C13"])


@pytest.mark.parametrize("separator", [",", "\t"])
def test_a_zero_has_no_sign_in_a_file(separator):
    table = pd.DataFrame({"E": [-0.0, -1.5], "n": [0, 1], "name": ["a", "-0"]})
    assert to_csv(table, separator).split("\n")[1:3] == [
        separator.join(row) for row in (("0", "0", "a"), ("-1.5", "1", "-0"))
    ]


def test_csv_is_that_of_pandas():
    table = pd.DataFrame(
        {
            "whole": [1, 2, 3],
            "number": [0.1, 2e-17, np.nan],
            "text": ["a,b", 'q"q', None],
            "truth": [True, False, True],
            "some": pd.array([1, None, 3], dtype="Int64"),
            "masked": pd.array([1.5, None, 1 / 3], dtype="Float64"),
            "single": np.array([1, 1 / 3, np.inf], dtype=np.float32),
            "lines": ["x\ny", "", "z"],
            "mixed": [1.5, "x", np.nan],
        }
    )
    again = pd.concat([table] * 3 + [table.assign(number=0.5)], ignore_index=True)
    for shown in (table, table[["text"]], table[:0], again, again.assign(text=again["text"].astype("category"))):
        expected = shown.to_csv(index=False, float_format="%.12g", lineterminator="\n")
        assert to_csv(shown) == expected
    assert to_csv(pd.DataFrame({"=x": [-0.0], "y": ["=1+1"]})) == "'=x,y\n0,'=1+1\n"
