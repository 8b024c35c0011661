"""How additive the difference of two levels is."""

import pytest
import torch

from training.studies import additivity
from virialff.molecules.molecule import Molecule
from virialff.networks.baseline import baseline_features
from virialff.networks.graph import molecule_tensors

ALCOHOLS = ("CO", "CCO", "CCCO", "CC(C)O", "OCCO", "CC(O)CO", "CCCCO", "COC", "CCOC", "COCCO", "CCCOC", "CCOCC")


def test_a_difference_that_is_additive_is_found_in_molecules_left_out() -> None:
    features = torch.cat([baseline_features(molecule_tensors(Molecule.from_smiles(s))) for s in ALCOHOLS * 3])
    energies = features[:, :10] @ torch.linspace(-9.0, 4.0, 10, dtype=torch.float64)
    assert float(additivity.left_out_errors(features, energies, "elements").abs().max()) < 0.01


def test_the_shipped_labels_are_most_additive_in_coordination(capsys: pytest.CaptureFixture[str]) -> None:
    assert additivity.main([]) == 0
    title, *lines = capsys.readouterr().out.splitlines()
    assert title.startswith("wB97X-D/def2-SVP minus GFN2-xTB")
    errors = {line.split(":")[0].strip(): float(line.split("MAE ")[1].split(",")[0]) for line in lines}
    assert 0 < errors["coordination"] < errors["bonds"] < errors["elements"]
