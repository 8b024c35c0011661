"""`import-qmugs` as a person runs it: counts, reasons, exit codes."""

import argparse
import csv

import pytest

from tests.virialff.labels.imports.qmugs_fixture import records, write_release, write_structures
from virialff.cli import main
from virialff.commands import ExitCode, import_qmugs
from virialff.errors import ConfigError
from virialff.labels.store import LabelStore


def run(*words: str) -> int:
    parser = argparse.ArgumentParser()
    import_qmugs.add_arguments(parser)
    return import_qmugs.run(parser.parse_args(words))


def test_a_whole_release_is_imported_and_again_adds_nothing(tmp_path, capsys):
    release, store = str(write_release(tmp_path / "release")), str(tmp_path / "store")
    assert run(release, "--output", store, "--gfn2") == ExitCode.OK
    assert capsys.readouterr().out.splitlines() == [
        "6 rows in the summary, 6 structures in the archive",
        "dft: 6 rows in the store, 6 of them new",
        "gfn2: 6 rows in the store, 6 of them new",
    ]
    assert run(release, "--output", store) == ExitCode.OK
    assert "dft: 6 rows in the store, 0 of them new" in capsys.readouterr().out
    assert len(list(LabelStore(store).labels())) == 12


def test_what_is_refused_is_printed_and_written_and_makes_the_exit_code_1(tmp_path, capsys):
    made = records()
    release = write_release(tmp_path / "release", made)
    for record in made[:2]:
        del record.tags["DFT:TOTAL_ENERGY"]
    write_structures(release, made[:-1])
    table = tmp_path / "problems.csv"
    code = run(str(release), "--output", str(tmp_path / "store"), "--problems", str(table))
    printed = capsys.readouterr().out
    assert code == ExitCode.SOME_FAILED
    assert "2 x a tag is missing\n    CHEMBL12/conf_00: the tag DFT:TOTAL_ENERGY is missing" in printed
    assert "1 x a row without a structure" in printed
    with open(table, newline="") as file:
        written = [(row["reason"], row["where"]) for row in csv.DictReader(file)]
    assert written == [
        ("a tag is missing", "CHEMBL12/conf_00"),
        ("a tag is missing", "CHEMBL12/conf_01"),
        ("a row without a structure", "CHEMBL32/conf_00"),
    ]


def test_check_reads_the_summary_alone(tmp_path, capsys):
    made = records()
    release = write_release(tmp_path / "release", made)
    (release / "structures.tar.gz").unlink()
    assert run(str(release), "--check") == ExitCode.OK
    made[0].row["DFT_FORMATION_ENERGY"] = "0.0"
    write_release(release, made)
    assert run(str(release), "--check") == ExitCode.SOME_FAILED
    assert "total = atoms + formation: 1 violations" in capsys.readouterr().out


def test_the_command_line_must_name_a_store_and_a_table_that_can_be_written(tmp_path):
    release = str(write_release(tmp_path / "release"))
    with pytest.raises(ConfigError, match="name the label store to add to with --output"):
        run(release)
    with pytest.raises(ConfigError, match=r"missing/problems\.csv cannot be written"):
        run(release, "--output", str(tmp_path / "store"), "--problems", str(tmp_path / "missing" / "problems.csv"))


def test_it_is_an_action_of_data(tmp_path, capsys):
    release, store = str(write_release(tmp_path / "release")), str(tmp_path / "store")
    assert main(["data", "import-qmugs", release, "--output", store]) == ExitCode.OK
    assert "dft: 6 rows in the store" in capsys.readouterr().out
    assert main(["data", "check", store]) == ExitCode.OK
    assert main(["data", "import-qmugs", str(tmp_path / "missing"), "--output", store]) == ExitCode.INPUT
    assert capsys.readouterr().err.startswith("virialff: There is no file ")
