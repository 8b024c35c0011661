"""`virialff params` of many molecules: processes and pieces change neither the output nor how it ends."""

import io
import os
import signal
import subprocess
import sys
import time

import pandas as pd
import pyarrow.parquet as pq
import pytest

from virialff import children
from virialff.cli import main
from virialff.commands.output import Output, encoded, write
from virialff.commands.params import MANY

COMMAND = (sys.executable, "-m", "virialff.cli", "params")


@pytest.fixture
def many(tmp_path, monkeypatch):
    """One more than goes through this process, the last two without parameters."""
    monkeypatch.chdir(tmp_path)
    chains = [f"{'C' * (1 + n % 5)}O chain {n}" for n in range(MANY - 1)]
    (tmp_path / "many.smi").write_text("\n".join([*chains, "C[NH3+] charged", "nothing"]))
    return "many.smi"


def test_processes_write_what_one_writes(many, tmp_path, capsys):
    for output in ("pairs.csv.gz", "pairs.json"):
        found, said = [], []
        for processes in ("1", "2"):
            assert main(["params", many, "--processes", processes, "-o", output, "--quiet"]) == 1
            found.append((tmp_path / output).read_bytes())
            said.append(capsys.readouterr())
        assert found[0] == found[1]
        assert said[0] == said[1]
        failed = [line.split(":")[1].strip() for line in said[0].err.splitlines()]
        assert failed == [f"record {MANY} (charged)", f"record {MANY + 1}"]


def test_conformers_in_smiles_are_one_record_beside_records_that_processes_read(many, tmp_path, capsys):
    places = "(0.76,0.76,{z};0,0,0;-0.76,-0.76,0.76;-0.76,0.76,-0.76;0.76,-0.76,-0.76)"
    lines = [f"FC(F)(F)F |{places.format(z=z)}|" for z in (0.76, 0.8)] + ["N"]
    text = (tmp_path / many).read_text()
    (tmp_path / many).write_text("\n".join([*lines, text, *lines]))
    tables = []
    for processes in ("1", "2"):
        assert main(["params", many, "--processes", processes, "--table", "charges", "-o", "-", "--quiet"]) == 1
        tables.append(capsys.readouterr())
    assert tables[0] == tables[1]
    assert tables[0].err.count("virialff:") == 2
    rows = pd.read_csv(io.StringIO(tables[0].out))
    last = 3 + MANY + 1
    assert list(dict.fromkeys(rows["record"])) == [1, 3, *range(4, 4 + MANY - 1), last + 1, last + 3]


def test_text_of_processes_is_that_of_one(many, capsys):
    texts = []
    for processes in ("1", "2"):
        assert main(["params", many, "--processes", processes]) == 1
        texts.append(capsys.readouterr().out)
    assert texts[0] == texts[1]
    assert texts[0].count("atoms, ") == MANY - 1


@pytest.mark.parametrize("name", ["a.csv", "a.tsv.gz", "a.json", "a.jsonl", "a.parquet"])
def test_a_file_in_pieces_is_the_file_at_once(tmp_path, name):
    form = name.split(".")[1]
    tables = [pd.DataFrame({"atom": [k, k + 1], "text": ["a,b", None], "charge_e": [k / 3, None]}) for k in range(4)]
    documents = [{"number": k, "text": 'one\n"two"', "list": [1, {}]} for k in range(4)]
    of_json = form in ("json", "jsonl")
    whole = documents if of_json else pd.concat(tables, ignore_index=True)
    write(str(tmp_path / f"whole.{name}"), form, whole)
    with Output(str(tmp_path / f"pieces.{name}"), form) as output:
        for table, document in zip(tables, documents, strict=True):
            output.add(encoded(form, [document] if of_json else table))
    assert (tmp_path / f"pieces.{name}").read_bytes() == (tmp_path / f"whole.{name}").read_bytes()


def test_rows_of_a_large_parquet_are_not_held(tmp_path, monkeypatch):
    monkeypatch.setattr(Output, "ROWS", 5)
    table = pd.DataFrame({"text": ["a", "b"], "charge_e": [0.5, -0.5]})
    with Output(str(tmp_path / "a.parquet"), "parquet") as output:
        for _ in range(10):
            output.add(table)
            assert output._rows < 5
    assert pq.ParquetFile(tmp_path / "a.parquet").num_row_groups == 4
    pd.testing.assert_frame_equal(pd.read_parquet(tmp_path / "a.parquet"), pd.concat([table] * 10, ignore_index=True))


def test_nothing_is_left_of_a_file_that_is_not_whole(tmp_path):
    (tmp_path / "a.csv").write_text("earlier")

    def interrupted():
        with Output(str(tmp_path / "a.csv"), "csv") as output:
            output.add(b"atom\n1\n")
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    assert [(file.name, file.read_text()) for file in tmp_path.iterdir()] == [("a.csv", "earlier")]


@pytest.mark.parametrize("by", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_it_with_one_sentence_and_no_file(tmp_path, by):
    """To all of its processes, as a terminal and a batch system send it."""
    (tmp_path / "many.smi").write_text("".join(f"{'C' * (1 + n % 9)}O\n" for n in range(200_000)))
    command = [*COMMAND, "many.smi", "--processes", "2", "-o", "pairs.csv"]
    with subprocess.Popen(
        command,
        cwd=tmp_path,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
        # A shell starts background commands with the signal ignored, and they hand that on.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    ) as process:
        first = process.stderr.readline()
        below = children.processes_below(process.pid)[1:]
        os.killpg(process.pid, by)
        rest = process.stderr.read()
    assert first.startswith("virialff: parameters: ")
    assert first.rstrip().endswith(" s left")
    # What was said of progress may stand between.
    assert [line for line in rest.splitlines() if "parameters" not in line] == ["virialff: interrupted"]
    assert process.returncode == 130
    assert [file.name for file in tmp_path.iterdir()] == ["many.smi"]
    assert len(below) >= 2
    until = time.monotonic() + 30
    while any(os.path.exists(f"/proc/{number}") for number in below) and time.monotonic() < until:
        time.sleep(0.05)
    assert not any(os.path.exists(f"/proc/{number}") for number in below)
