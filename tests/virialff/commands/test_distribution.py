"""`virialff distribution`: the numbers of the library."""

import io

import pandas as pd
import pytest

from virialff import load_model
from virialff.cli import main
from virialff.molecules.molecule import Molecule
from virialff.parameters.distributions import Selection, distribution
from virialff.parameters.samples import sample_parameters
from virialff.settings import ASSETS

SMILES = ("CCO", "CC(=O)NC")


@pytest.fixture
def file(tmp_path):
    path = tmp_path / "two.smi"
    path.write_text("\n".join(SMILES) + "\n")
    return path


def test_statistics_are_those_of_the_library(file, capsys):
    assert main(["distribution", str(file), "--quantity", "epsilon", "--relation", "1-4", "--output", "-"]) == 0
    table = pd.read_csv(io.StringIO(capsys.readouterr().out))
    sample = sample_parameters(load_model(), [Molecule.from_smiles(text) for text in SMILES])
    expected = distribution({"model": sample}, "epsilon", selection=Selection("1-4")).summary()
    pd.testing.assert_frame_equal(table, expected, check_dtype=False, rtol=1e-4)


def test_histogram_to_a_file_and_a_record_that_fails(file, tmp_path, capsys):
    file.write_text("CCO\nCC(=O)[O-]\n")
    output = tmp_path / "bins.csv"
    code = main(["distribution", str(file), "--quantity", "atomic charge", "--bins", "--output", str(output)])
    assert code == 1
    assert pd.read_csv(output)["count"].sum() == 9
    assert "net charge" in capsys.readouterr().err


def test_draw_from_a_store(capsys):
    store = str(ASSETS / "data" / "dft.parquet")
    assert main(["distribution", store, "--draw", "3", "--split", "all", "--quantity", "molecular charge"]) == 0
    assert "3 molecules" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("options", "words"),
    [(["--smarts", "[O"], "cannot be read"), (["--quantity", "atomic charge", "--by", "relation"], "no relation")],
)
def test_what_cannot_be_asked_is_a_sentence(file, capsys, options, words):
    assert main(["distribution", str(file), *options]) == 2
    assert words in capsys.readouterr().err
