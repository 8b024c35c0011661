"""Methods on the command line that are not ours: ASE calculators, further models, what cannot be loaded."""

import json

import pytest

from virialff.cli import main

CALCULATOR = """
from ase.calculators.calculator import Calculator, all_changes


class Springs(Calculator):
    implemented_properties = ["energy", "forces"]

    def calculate(self, atoms=None, properties=("energy",), system_changes=all_changes):
        super().calculate(atoms, properties, system_changes)
        self.results = {"energy": 0.5 * float((atoms.positions**2).sum()), "forces": -atoms.positions}


def broken():
    raise RuntimeError("the weights are missing")
"""
LENNARD_JONES = "ase:ase.calculators.lj:LennardJones"


@pytest.fixture
def own_calculator(tmp_path, monkeypatch):
    """A folder with a calculator of one's own, as the one where the command is given."""
    (tmp_path / "spring_calculator.py").write_text(CALCULATOR)
    monkeypatch.chdir(tmp_path)


def test_a_foreign_calculator_stands_beside_the_model(capsys):
    command = ["energy", "CCCO", "--generate", "2", "--method", f"model,{LENNARD_JONES}"]
    assert main([*command, "--json"]) == 0
    methods = json.loads(capsys.readouterr().out)["methods"]
    assert list(methods) == ["model", LENNARD_JONES]
    theirs = methods[LENNARD_JONES]
    assert theirs["level_of_theory"] == "LennardJones"
    assert len(theirs["total"]) == len(methods["model"]["total"])
    assert theirs["atomization"] == [None] * len(theirs["total"])
    assert main(command) == 0
    assert f"  {LENNARD_JONES}: LennardJones" in capsys.readouterr().out


def test_a_calculator_of_ones_own_relaxes_ranks_and_scans(own_calculator, capsys):
    name = "ase:spring_calculator:Springs"
    assert main(["scan", "CCO", "--atoms", "1,2", "--points", "3", "--method", f"{name},gfn2", "--json"]) == 0
    assert list(json.loads(capsys.readouterr().out)["methods"]) == [name, "gfn2"]
    main(["conformers", "CCCO", "--generate", "2", "--relax", name, "--method", name, "--json"])
    err = capsys.readouterr().err
    # Springs to the origin pull all atoms into one point, which is seen.
    assert "broke" in err or "formed a bond" in err or "apart" in err
    assert "Traceback" not in err


def test_a_further_model_by_its_name_and_folder(capsys):
    from virialff.models import registry

    folder = str(registry.find("foundation-gfn2").folder)
    assert main(["energy", "O", "--generate", "1", "--method", f"model,foundation-gfn2,{folder}", "--json"]) == 0
    methods = json.loads(capsys.readouterr().out)["methods"]
    assert methods["foundation-gfn2"]["total"] == methods[folder]["total"]
    assert methods["foundation-gfn2"]["level_of_theory"] == "GFN2-xTB"
    assert methods["model"]["total"] != methods[folder]["total"]


@pytest.mark.parametrize(
    ("words", "code", "sentence"),
    [
        (["energy", "--method", "ase:spring_calculator:broken"], 4, "cannot be loaded: RuntimeError: the weights are"),
        (["energy", "--method", "ase:no_such_module:Calculator"], 4, "No module named 'no_such_module'"),
        (["energy", "--method", "nowhere/"], 4, "there is no model folder nowhere"),
        (
            ["energy", "--method", "gfn3"],
            2,
            "there is no method 'gfn3'; choose from model, gfn2, ani, mmff94, uff, pyscf, psi4",
        ),
        (["conformers", "--relax", "gfn3"], 2, "there is no method 'gfn3'"),
    ],
)
def test_what_cannot_be_loaded_is_a_sentence(own_calculator, capsys, words, code, sentence):
    command, *rest = words
    try:
        ended: object = main([command, "O", "--generate", "1", *rest])
    except SystemExit as end:  # a usage error
        ended = end.code
    assert ended == code
    err = capsys.readouterr().err
    assert sentence in err
    assert "Traceback" not in err


def test_a_conformer_that_fails_leaves_the_others(tmp_path, monkeypatch, capsys):
    picky = "        if atoms.positions[0, 0] > 50:\n            raise KeyError(1)\n        self.results"
    (tmp_path / "picky_calculator.py").write_text(CALCULATOR.replace("        self.results", picky))
    monkeypatch.chdir(tmp_path)
    rows = "\n".join(f"3\n\nO {x} 0 0\nH {x + 0.96} 0 0\nH {x - 0.24} 0.93 0" for x in (0.0, 100.0, 1.0))
    (tmp_path / "waters.xyz").write_text(rows + "\n")
    assert main(["energy", "waters.xyz", "--method", "ase:picky_calculator:Springs", "--json"]) == 1
    out, err = capsys.readouterr()
    total = json.loads(out)["methods"]["ase:picky_calculator:Springs"]["total"]
    assert [value is None for value in total] == [False, True, False]
    assert "conformer 2: Springs failed: KeyError: 1" in err
