"""The command that generates, relaxes, prunes and ranks conformers."""

import json

import numpy as np
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
    assert any("conformers kept" in note for note in record["notes"])
    energies = [
        mol.GetDoubleProp("gfn2_relative_kcal_per_mol") for mol in Chem.SDMolSupplier(str(path), removeHs=False)
    ]
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


class _Torn:
    """GFN2-xTB whose energy has no minimum for an S-S bond: it is pulled apart."""

    name, level = "torn", "torn"

    def available(self):
        return None

    def unsupported(self, molecule):
        return None

    def __init__(self, everything: bool) -> None:
        self.everything = everything

    def energy(self, molecule, positions, *, progress=None):
        return self.energy_and_forces(molecule, positions)[0]

    def energy_and_forces(self, molecule, positions, *, progress=None):
        positions = np.asarray(positions).reshape(-1, molecule.n_atoms, 3)
        first, second = np.flatnonzero(molecule.numbers == 16)
        energies, forces = np.zeros(len(positions)), np.zeros_like(positions)
        for index, geometry in enumerate(positions):
            line = geometry[second] - geometry[first]
            length = np.linalg.norm(line)
            # The compact conformers alone fall apart, or all of them.
            if length < 4.0 and (self.everything or np.ptp(geometry, axis=0).max() < 9.2):
                energies[index] = -40.0 * length
                forces[index, second], forces[index, first] = 40.0 * line / length, -40.0 * line / length
        return energies, forces


@pytest.mark.parametrize(
    ("everything", "words", "code"), [(False, [], 1), (True, [], 3), (True, ["--keep-changed"], 1)]
)
def test_conformers_that_broke_are_left_out_unless_asked_for(capsys, tmp_path, monkeypatch, everything, words, code):
    monkeypatch.setattr("virialff.commands.inputs.force_method", lambda *_: _Torn(everything))
    path = tmp_path / "kept.sdf"
    given = ["conformers", "CCCSSCCC", "--generate", "12", "--relax", "gfn2", "--method", "model", "--sdf", str(path)]
    assert main([*given, "--json", *words]) == code
    out, err = capsys.readouterr()
    assert "broke (" in err
    if code == 3:
        assert "of every conformer" in err
        assert not path.exists()
        return
    record = json.loads(out)
    kept = list(Chem.SDMolSupplier(str(path), removeHs=False))
    assert len(kept) == record["n_conformers"] == len(record["methods"]["model"]["population"])
    lengths = [_sulfur_distance(mol) for mol in kept]
    if words:
        assert min(lengths) > 2.9
    else:
        assert "changed conformers left out" in err
        assert max(lengths) < 2.9


def _sulfur_distance(mol):
    first, second = (atom.GetIdx() for atom in mol.GetAtoms() if atom.GetAtomicNum() == 16)
    return (mol.GetConformer().GetAtomPosition(first) - mol.GetConformer().GetAtomPosition(second)).Length()
