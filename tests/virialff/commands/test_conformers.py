"""The command that generates, relaxes, prunes and ranks conformers."""

import json

import pytest
from rdkit import Chem

from virialff.cli import main


def test_generated_relaxed_pruned_and_ranked(capsys, tmp_path):
    path = tmp_path / "ranked.sdf"
    words = ["conformers", "CCO", "--generate", "4", "--relax", "gfn2", "--rmsd", "0.1", "--method", "gfn2,model"]
    assert main([*words, "--json", "--sdf", str(path)]) == 0
    out, err = capsys.readouterr()
    record = json.loads(out)
    assert list(record["methods"]) == ["gfn2", "model"]
    gfn2 = record["methods"]["gfn2"]
    assert sum(gfn2["population"]) == pytest.approx(1)
    assert min(gfn2["relative"]) == 0
    assert "conformers kept" in err
    energies = [mol.GetDoubleProp("gfn2 (kcal/mol)") for mol in Chem.SDMolSupplier(str(path), removeHs=False)]
    assert len(energies) == record["n_conformers"]
    assert energies == sorted(energies)


def test_text_shows_agreement_and_populations(capsys):
    assert main(["conformers", "CCCO", "--generate", "4", "--method", "model,gfn2", "--temperature", "350"]) == 0
    out = capsys.readouterr().out
    assert "gfn2 population at 350 K" in out
    assert "RMSE (kcal/mol)" in out


@pytest.mark.parametrize(
    ("words", "code", "sentence"),
    [
        (["CCO"], 3, "--generate"),
        (["O.O", "--generate", "2"], 3, "complex"),
        (["CCBr", "--generate", "1", "--method", "ani"], 3, "Br"),
    ],
)
def test_what_cannot_be_done_is_a_sentence(capsys, words, code, sentence):
    assert main(["conformers", *words]) == code
    err = capsys.readouterr().err
    assert sentence in err
    assert "Traceback" not in err


def test_a_wrong_temperature_is_usage(capsys):
    with pytest.raises(SystemExit) as stop:
        main(["conformers", "CCO", "--temperature", "0"])
    assert stop.value.code == 2
    assert "not positive" in capsys.readouterr().err
