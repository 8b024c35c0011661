"""Import of a release in the form of QMugs: complete, with everything wrong, cut off, killed and resumed."""

import signal
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest
from rdkit import Chem

from tests.virialff.labels.imports.qmugs_fixture import Record, records, write_release, write_structures, write_summary
from tests.virialff.labels.sample_labels import assert_same_label
from virialff.errors import DatasetError
from virialff.labels.check import check
from virialff.labels.imports.qmugs.importer import import_qmugs
from virialff.labels.imports.qmugs.problems import Problem, Reason
from virialff.labels.schema import Label
from virialff.labels.splits import PAPER_FRACTIONS, split_of
from virialff.labels.store import LabelStore


def rows(store: LabelStore) -> dict[str, Label]:
    found = list(store.labels())
    assert len({label.identifier for label in found}) == len(found)
    return {label.identifier: label for label in found}


def assert_same_rows(first: LabelStore, second: LabelStore) -> None:
    mine, theirs = rows(first), rows(second)
    assert sorted(mine) == sorted(theirs)
    for identifier, label in mine.items():
        assert_same_label(label, theirs[identifier])


def test_every_conformer_becomes_a_row_and_the_parts_are_finished(tmp_path):
    store = LabelStore(tmp_path / "store")
    seen = []
    report = import_qmugs(write_release(tmp_path / "release"), store, part_size=4, progress=lambda *at: seen.append(at))
    assert (report.n_summary_rows, report.n_structures, report.complete) == (6, 6, True)
    assert report.rows == report.new_rows == {"dft": 6}
    assert report.problems == {}
    assert seen == [(number, 6) for number in range(1, 7)]
    assert [path.name for path in store.files()] == ["qmugs_dft_00000.parquet", "qmugs_dft_00001.parquet"]
    assert sorted(rows(store)) == sorted(f"qmugs/{record.chembl}/{record.conf}/0" for record in records())


def test_a_second_run_adds_nothing_and_another_level_only_its_own_rows(tmp_path):
    release, store = write_release(tmp_path / "release"), LabelStore(tmp_path / "store")
    import_qmugs(release, store)
    again = import_qmugs(release, store)
    assert (again.rows, again.new_rows) == ({"dft": 6}, {})
    both = import_qmugs(release, store, levels=("dft", "gfn2"))
    assert (both.rows, both.new_rows) == ({"dft": 6, "gfn2": 6}, {"gfn2": 6})
    assert len(rows(store)) == 12
    assert check(store.path).problems == ()


def mol_block(atoms: list[tuple[str, float]], bonds: str) -> str:
    """A MOL block of atoms on a line, at x in Angstrom."""
    counts = f"{len(atoms):3}{bonds.count('  1  0'):3}  0  0  0  0  0  0  0  0999 V2000\n"
    lines = "".join(f"    {x:6.4f}    0.0000    0.7000 {symbol}   0  0\n" for symbol, x in atoms)
    return f"x\n     x             3D\n\n{counts}{lines}{bonds}M  END\n"


HYDROXIDE = mol_block([("O", 0.0), ("H", 0.97)], "  1  2  1  0\nM  CHG  1   1  -1\n")
TWO_MOLECULES = mol_block([("H", x) for x in (0.0, 0.7, 5.0, 5.7)], "  1  2  1  0\n  3  4  1  0\n")


def damaged_release(folder: Path) -> dict[str, Reason]:
    """A release with a conformer for every reason but the cut; returns the reason of each."""
    broken: dict[Reason, Record] = {}
    for number, reason in enumerate(Reason, start=1000):
        record = broken[reason] = records()[0]
        record.chembl = record.row["chembl_id"] = record.tags["CHEMBL_ID"] = f"CHEMBL{number}"
    del broken[Reason.CUT_OFF]

    def edit(reason: Reason, old: str, new: str) -> None:
        assert old in broken[reason].block
        broken[reason].block = broken[reason].block.replace(old, new, 1)

    edit(Reason.UNREADABLE, "V2000", "V9000")
    edit(Reason.ELEMENT, " O  ", " Se ")
    broken[Reason.CHARGED].block = HYDROXIDE
    edit(Reason.CHEMISTRY, "M  END", "M  RAD  1   1   2\nM  END")
    broken[Reason.FRAGMENTS].block = TWO_MOLECULES
    broken[Reason.BONDS].block = moved(broken[Reason.BONDS], 1.5)
    del broken[Reason.MISSING_TAG].tags["DFT:DIPOLE"]
    broken[Reason.BAD_TAG].tags["DFT:DIPOLE"] = "none"
    broken[Reason.DISAGREE].row["DFT_TOTAL_ENERGY"] = "-1.0"
    broken[Reason.OTHER_GEOMETRY].block = moved(broken[Reason.OTHER_GEOMETRY], 0.05)
    del broken[Reason.UNUSED_TAG].tags["DFT:MAYER_BOND_ORDER"]
    broken[Reason.SADDLE].row["significant_negative_wavenumbers"] = "True"
    broken[Reason.SUMMARY_ROW].row["atoms"] = ""
    expected = {f"{record.chembl}/{record.conf}": reason for reason, record in broken.items()}
    # Each of these has a further problem by its nature: its row was passed over, its structure has a strange name.
    expected["summary.csv line 2"] = expected.pop(f"{broken[Reason.SUMMARY_ROW].chembl}/conf_00")
    expected[f"{broken[Reason.SUMMARY_ROW].chembl}/conf_00"] = Reason.NO_ROW
    foreign = broken.pop(Reason.FOREIGN_FILE)
    del expected[f"{foreign.chembl}/conf_00"]
    expected["structures/readme/conf_00.sdf"] = Reason.FOREIGN_FILE
    write_summary(folder, [*(r for why, r in broken.items() if why != Reason.NO_ROW), broken[Reason.DOUBLE_ROW]])
    in_archive = [r for why, r in broken.items() if why != Reason.NO_STRUCTURE]
    write_structures(
        folder,
        [*in_archive, broken[Reason.DOUBLE_STRUCTURE], foreign],
        lambda name: name.replace(foreign.chembl, "readme"),
    )
    return expected


def moved(record: Record, distance: float) -> str:
    """The MOL block with the first hydrogen moved along x, Angstrom."""
    positions = record.molecule.positions.copy()
    positions[0, 4, 0] += distance
    return Chem.MolToMolBlock(record.molecule.with_positions(positions).to_rdkit())


def test_every_problem_is_counted_and_named_and_stands_in_nobodys_way(tmp_path):
    expected = damaged_release(tmp_path / "release")
    store = LabelStore(tmp_path / "store")
    found: list[Problem] = []
    report = import_qmugs(tmp_path / "release", store, on_problem=found.append)
    assert {problem.where: problem.reason for problem in found} == expected
    assert report.problems == Counter(expected.values())
    assert all(problem.text for problem in found)
    imported = {Reason.UNUSED_TAG, Reason.SADDLE, Reason.DOUBLE_ROW, Reason.DOUBLE_STRUCTURE}
    assert sorted(rows(store)) == sorted(f"qmugs/{where}/0" for where, why in expected.items() if why in imported)
    # What was refused is looked at again, so the next report says the same.
    again = import_qmugs(tmp_path / "release", store)
    assert again.new_rows == {}
    assert again.problems == report.problems - Counter({Reason.UNUSED_TAG: 1})


def test_a_cut_archive_gives_what_is_whole_and_the_whole_one_later_the_rest(tmp_path):
    release = write_release(tmp_path / "release")
    whole = (release / "structures.tar.gz").read_bytes()
    expected = LabelStore(tmp_path / "expected")
    import_qmugs(release, expected, part_size=4)
    store = LabelStore(tmp_path / "store")
    for share, finished in ((0.35, 0), (0.95, 1)):
        (release / "structures.tar.gz").write_bytes(whole[: int(share * len(whole))])
        report = import_qmugs(release, store, part_size=4)
        assert not report.complete
        assert 0 < report.rows["dft"] == report.n_structures < 6
        assert report.problems == {Reason.CUT_OFF: 1, Reason.NO_STRUCTURE: 6 - report.n_structures}
        assert sum(path.suffix == ".parquet" for path in store.files()) == finished
    (release / "structures.tar.gz").write_bytes(whole)
    report = import_qmugs(release, store, part_size=4)
    assert (report.complete, report.problems, report.rows) == (True, {}, {"dft": 6})
    assert all(path.suffix == ".parquet" for path in store.files())
    assert_same_rows(store, expected)


KILLED = """
import os, signal, sys
from pathlib import Path
from virialff.labels.imports.qmugs.importer import import_qmugs
from virialff.labels.store import LabelStore

def progress(done, total):
    if done == int(sys.argv[3]):
        os.kill(os.getpid(), signal.SIGKILL)

import_qmugs(Path(sys.argv[1]), LabelStore(sys.argv[2]), levels=("dft", "gfn2"), part_size=2, progress=progress)
"""


def test_an_import_that_is_killed_ends_with_the_same_rows(tmp_path):
    release = write_release(tmp_path / "release")
    expected, store = LabelStore(tmp_path / "expected"), LabelStore(tmp_path / "store")
    import_qmugs(release, expected, levels=("dft", "gfn2"), part_size=2)
    for structures in (1, 4):
        command = [sys.executable, "-c", KILLED, str(release), str(store.path), str(structures)]
        assert subprocess.run(command, check=False).returncode == -signal.SIGKILL
        assert len(rows(store)) == 2 * structures
    report = import_qmugs(release, store, levels=("dft", "gfn2"), part_size=2)
    assert report.new_rows == {"dft": 2, "gfn2": 2}
    assert all(path.suffix == ".parquet" for path in store.files())
    assert_same_rows(store, expected)


def test_missing_files_are_named(tmp_path):
    with pytest.raises(DatasetError, match=r"There is no file .*summary\.csv"):
        import_qmugs(tmp_path, LabelStore(tmp_path / "store"))
    write_summary(tmp_path, records())
    with pytest.raises(DatasetError, match=r"There is no file .*structures\.tar\.gz"):
        import_qmugs(tmp_path, LabelStore(tmp_path / "store"))


def test_the_papers_split_keeps_the_conformers_of_a_molecule_together(tmp_path):
    store = LabelStore(tmp_path / "store")
    import_qmugs(write_release(tmp_path / "release"), store)
    for seed in range(20):
        parts: dict[str, set[str]] = {}
        for label in store.labels():
            chembl = label.task.split("/")[1]
            parts.setdefault(chembl, set()).add(split_of(label.inchikeys[0], seed=seed, fractions=PAPER_FRACTIONS))
        assert len(parts) == 5
        assert all(len(part) == 1 for part in parts.values())
