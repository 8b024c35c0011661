"""Elements, sizes and energies per atom by split: counted by hand, and from a store as from its labels."""

from dataclasses import replace

import numpy as np
import pytest

from tests.virialff.labels.imports.qmugs_fixture import write_release
from virialff.errors import ConfigError, DatasetError
from virialff.labels.imports.qmugs.importer import import_qmugs
from virialff.labels.schema import Label
from virialff.labels.splits import PAPER_FRACTIONS, split_of
from virialff.labels.statistics import dataset_statistics
from virialff.labels.store import LabelStore
from virialff.labels.structure import structure_fields
from virialff.molecules.molecule import Molecule

ALL_TRAIN = (1.0, 0.0, 0.0)


def label(smiles: str, energy: float | None, number: int = 0, *, kind="minimum", level="made up") -> Label:
    molecule = Molecule.from_smiles(smiles)
    return Label(
        identifier=f"{smiles}/{number}",
        task=smiles,
        **structure_fields(molecule),
        source="test",
        positions=np.zeros((molecule.n_atoms, 3)),
        kind=kind,
        detail="",
        level_of_theory=level,
        program="none",
        settings="{}",
        energy=energy,
        seconds=0.0,
        failure=None if energy is not None else "failed",
    )


SAMPLE = [label("O", -300.0), label("CCO", -900.0), label("CCO", -891.0, 1), label("C", None), label("ClCCl", -5000.0)]


def test_counts_of_a_known_set():
    (found,) = dataset_statistics(SAMPLE, fractions=ALL_TRAIN).values()
    part = found.splits["train"]
    assert (part.n_molecules, part.n_conformers, found.n_failures) == (3, 4, 1)
    assert part.sizes == {3: 1, 9: 1, 5: 1}
    assert part.element_counts["H"] == {2: 2, 6: 1}
    assert part.element_counts["C"] == {0: 1, 2: 1, 1: 1}
    assert part.element_counts["Cl"] == {0: 2, 2: 1}
    assert part.element_counts["Br"] == {0: 3}
    np.testing.assert_allclose(part.energies_per_atom, [-100.0, -100.0, -99.0, -1000.0])
    assert [found.splits[name].n_molecules for name in ("validation", "test")] == [0, 0]


def test_tables_say_the_same_in_shares():
    (found,) = dataset_statistics(SAMPLE, fractions=ALL_TRAIN).values()
    overview = found.overview().set_index("split").loc["train"]
    assert overview["molecules_percent"] == 100.0
    assert overview["atoms_per_molecule"] == pytest.approx(17 / 3)
    assert overview["energy_per_atom_mean_kcal_per_mol"] == pytest.approx(-1299.0 / 4)
    elements = found.element_table().set_index(["split", "element"]).loc["train"]
    assert elements.loc["H", "atoms"] == 10
    assert elements.loc["Cl", "atoms_percent"] == pytest.approx(100 * 2 / 17)
    assert elements.loc["O", "molecules_with_element_percent"] == pytest.approx(200 / 3)
    sizes = found.size_table().set_index("atoms")["molecules_percent"]
    assert sizes.to_dict() == pytest.approx({3: 100 / 3, 5: 100 / 3, 9: 100 / 3})
    counts = found.element_count_table()
    assert counts.groupby("element")["molecules"].sum().unique().tolist() == [3]
    energies = found.energy_table(bins=10)
    train = energies[energies["split"] == "train"]
    assert train["conformers"].tolist() == [1, 0, 0, 0, 0, 0, 0, 0, 0, 3]
    assert (train["from_kcal_per_mol"].iloc[0], train["to_kcal_per_mol"].iloc[-1]) == (-1000.0, -99.0)
    assert energies["conformers_percent"].sum() == pytest.approx(100.0)


def test_far_outliers_do_not_widen_the_bins_and_are_counted():
    water = label("O", -300.0)
    labels = [replace(water, energy=-300.0 - n / 1000) for n in range(199)]
    (found,) = dataset_statistics([*labels, label("BrBr", -1e6)], fractions=ALL_TRAIN).values()
    table = found.energy_table(bins=10)
    train = table[table["split"] == "train"].reset_index()
    widths = train["to_kcal_per_mol"] - train["from_kcal_per_mol"]
    assert train["from_kcal_per_mol"][0] == -5e5
    assert widths[1:].max() < 0.01
    assert train["conformers"].sum() == 200


def test_molecules_are_in_the_part_that_training_puts_them_in():
    smiles = ["C" * n + end for n in range(1, 13) for end in ("O", "N", "F")]
    (found,) = dataset_statistics((label(s, -1.0) for s in smiles), seed=3, fractions=PAPER_FRACTIONS).values()
    parts = [split_of(Molecule.from_smiles(s).inchikey, seed=3, fractions=PAPER_FRACTIONS) for s in smiles]
    assert {name: part.n_molecules for name, part in found.splits.items()} == {
        name: parts.count(name) for name in ("train", "validation", "test")
    }
    assert min(part.n_molecules for part in found.splits.values()) > 0


def test_levels_and_kinds_are_kept_apart_and_complexes_count_as_one():
    labels = [*SAMPLE, label("O", -10.0, level="other"), label("O.C", -8.0, kind="complex", level="other")]
    found = dataset_statistics(labels, fractions=ALL_TRAIN)
    assert [(name, s.splits["train"].n_conformers) for name, s in found.items()] == [("made up", 4), ("other", 2)]
    assert found["other"].splits["train"].sizes == {3: 1, 8: 1}
    (only,) = dataset_statistics(labels, fractions=ALL_TRAIN, kinds=["complex"]).values()
    assert (only.level_of_theory, only.splits["train"].n_molecules) == ("other", 1)


def test_a_store_gives_what_its_labels_give(tmp_path):
    store = LabelStore(tmp_path / "store")
    import_qmugs(write_release(tmp_path / "release"), store, levels=("dft", "gfn2"))
    from_store, from_labels = dataset_statistics(store, seed=1), dataset_statistics(store.labels(), seed=1)
    assert sorted(from_store) == ["GFN2-xTB", "wB97X-D/def2-SVP"]
    for level, found in from_store.items():
        for name in ("overview", "element_table", "element_count_table", "size_table", "energy_table"):
            assert getattr(found, name)().equals(getattr(from_labels[level], name)()), name
        assert sum(part.n_molecules for part in found.splits.values()) == 5
        assert sum(part.n_conformers for part in found.splits.values()) == 6


def test_nothing_to_count_is_an_error():
    with pytest.raises(DatasetError, match=r"no labels to count"):
        dataset_statistics([])
    with pytest.raises(DatasetError, match=r"no labels of the kind scan to count"):
        dataset_statistics(SAMPLE, kinds=["scan"])
    with pytest.raises(ConfigError, match="must add up to 1"):
        dataset_statistics(SAMPLE, fractions=(0.5, 0.1, 0.1))


def test_a_level_that_only_failed_has_empty_tables():
    (found,) = dataset_statistics([label("C", None)]).values()
    assert found.n_failures == 1
    assert found.overview()["molecules"].tolist() == [0, 0, 0]
    assert len(found.energy_table()) == len(found.size_table()) == 0
