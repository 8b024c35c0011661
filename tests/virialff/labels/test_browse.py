"""Rows of a store: filters, pages, one row in full, whatever file it is in."""

import numpy as np
import pytest

from tests.virialff.labels.sample_labels import sample_label
from virialff.errors import StoreError
from virialff.labels.browse import RowFilter, atom_table, label_at, rows, summary_of
from virialff.labels.store import LabelStore
from virialff.settings import ASSETS

SHIPPED = ASSETS / "data" / "dft.parquet"


@pytest.fixture
def store(tmp_path):
    folder = tmp_path / "store"
    with LabelStore(folder).writer("a") as writer:
        writer.append([sample_label("first", row) for row in range(3)])
        writer.finish()
    with LabelStore(folder).writer("b") as writer:
        writer.append([sample_label("second", 0, failure="it did not converge")])
    return folder


def test_pages_and_rows_of_a_store_with_a_journal(store):
    page = rows(store, RowFilter(), start=1, count=2)
    assert (page.n_fitting, page.n_rows) == (4, 4)
    assert page.table["row"].tolist() == [2, 3]
    assert page.table["identifier"].tolist() == ["first/1", "first/2"]
    for number, name in ((1, "first/0"), (3, "first/2"), (4, "second/0")):
        assert label_at(store, number).identifier == name
    with pytest.raises(StoreError, match="has 4 rows, so there is no row 5"):
        label_at(store, 5)
    assert LabelStore(store).n_rows() == 4


@pytest.mark.parametrize(
    ("chosen", "expected"),
    [
        (RowFilter(failures=True), ["second/0"]),
        (RowFilter(failures=False, text="FIRST/2"), ["first/2"]),
        (RowFilter(text="converge"), ["second/0"]),
        (RowFilter(text="vggsqfuc", failures=True), ["second/0"]),
        (RowFilter(text="first/[0-1]"), []),
        (RowFilter(kinds=("minimum",)), []),
        (RowFilter(levels=("made up",), details=("displaced",), text="first/0"), ["first/0"]),
    ],
)
def test_filters(store, chosen, expected):
    assert rows(store, chosen).table["identifier"].tolist() == expected


def test_every_row_of_the_shipped_labels_is_the_one_that_the_page_names():
    page = rows(SHIPPED, RowFilter(failures=False), start=5, count=4)
    for number, identifier, energy in page.table[["row", "identifier", "energy (kcal/mol)"]].to_numpy():
        label = label_at(SHIPPED, int(number))
        assert label.identifier == identifier
        assert label.energy == energy


def test_numbers_of_a_row_have_units():
    page = rows(SHIPPED, RowFilter(levels=("wB97X-D/def2-SVP",), kinds=("minimum",), failures=False), count=1)
    label = label_at(SHIPPED, int(page.table["row"].iloc[0]))
    assert label.positions is not None
    assert label.energy is not None
    table = atom_table(label)
    np.testing.assert_array_equal(table["x (Å)"], label.positions[:, 0])
    np.testing.assert_array_equal(table["kinetic energy (kcal/mol)"], label.kinetic_atoms)
    summary = summary_of(label).set_index("quantity")["value"]
    assert float(summary["energy (kcal/mol)"]) == pytest.approx(label.energy, abs=1e-4)
    # The virial theorem nearly holds at a minimum.
    assert float(summary["kinetic energy (kcal/mol)"]) == pytest.approx(-label.energy, rel=0.02)
    assert "failure" not in summary


def test_interaction_energies_have_the_sign_of_the_labels():
    table = rows(SHIPPED, RowFilter(kinds=("complex",)), count=5).table
    for row in table.to_dict("records"):
        assert row["interaction energy (kcal/mol)"] == label_at(SHIPPED, row["row"]).interaction_energy
    # At the level that relaxed them all are bound.
    at_minima = RowFilter(levels=("GFN2-xTB",), kinds=("complex",), details=("relaxed",))
    relaxed = rows(SHIPPED, at_minima, count=20).table
    assert (relaxed["interaction energy (kcal/mol)"].dropna() < 0).all()
