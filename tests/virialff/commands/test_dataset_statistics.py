"""`statistics` as a person runs it: text, tables, figures."""

import argparse
import re
import subprocess
import sys

import pandas as pd
import pytest

from tests.virialff.labels.imports.qmugs_fixture import write_release
from virialff.cli import main
from virialff.commands import ExitCode, dataset_statistics
from virialff.errors import ConfigError, StoreError
from virialff.labels.imports.qmugs.importer import import_qmugs
from virialff.labels.store import LabelStore


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    folder = tmp_path_factory.mktemp("statistics")
    import_qmugs(write_release(folder / "release"), LabelStore(folder / "store"))
    return folder / "store"


def run(*words: object) -> int:
    parser = argparse.ArgumentParser()
    dataset_statistics.add_arguments(parser)
    return dataset_statistics.run(parser.parse_args([str(word) for word in words]))


def test_text_names_level_seed_and_every_part(store, capsys):
    assert run(store, "--split", "paper", "--seed", "4") == ExitCode.OK
    printed = capsys.readouterr().out
    assert printed.startswith("wB97X-D/def2-SVP: split with seed 4\n")
    for part in ("train", "validation", "test"):
        assert len(re.findall(rf"\b{part}\b", printed)) == 2
    assert "molecules that hold an element, %" in printed


def test_tables_and_figures_are_written(store, tmp_path):
    assert run(store, "--output", tmp_path / "out") == ExitCode.OK
    names = sorted(path.name for path in (tmp_path / "out").iterdir())
    level = "wb97x-d-def2-svp"
    figures = [f"{level}_{name}" for name in ("elements", "energies_per_atom", "sizes")]
    tables = [*figures, f"{level}_element_counts", f"{level}_overview"]
    assert names == sorted(["plotly.min.js", *(f"{n}.html" for n in figures), *(f"{n}.csv" for n in tables)])
    sizes = pd.read_csv(tmp_path / "out" / f"{level}_sizes.csv")
    assert sizes["molecules"].sum() == 5
    assert "atoms per molecule" in (tmp_path / "out" / f"{level}_sizes.html").read_text()


def test_images_without_kaleido_are_one_sentence(store, tmp_path):
    program = (
        "import sys; sys.modules['kaleido'] = None; from pathlib import Path\n"
        "import plotly.graph_objects as go\n"
        "from virialff.commands.dataset_statistics import write_images\n"
        "from virialff.errors import EngineError\n"
        "try:\n    write_images({Path('x'): go.Figure()})\n"
        "except EngineError as error:\n    print(error)\n"
    )
    result = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True, cwd=tmp_path)
    assert result.stdout.count("\n") == 1
    assert "PNG and SVG need Chromium and `pip install kaleido`" in result.stdout


def test_what_cannot_be_counted_is_named(store, tmp_path):
    with pytest.raises(ConfigError, match=r"no kind 'minima'; choose from minimum"):
        run(store, "--kind", "minima")
    with pytest.raises(StoreError, match="no label store"):
        run(tmp_path / "missing")
    blocked = tmp_path / "file"
    blocked.write_text("")
    with pytest.raises(ConfigError, match="cannot be written"):
        run(store, "--output", blocked)


def test_it_is_an_action_of_data(store, capsys):
    assert main(["data", "statistics", str(store)]) == ExitCode.OK
    assert capsys.readouterr().out.startswith("wB97X-D/def2-SVP: split with seed 0\n")
