"""A model whose weights overflow gives no numbers: a sentence and an exit code wherever it is asked, and no blanks."""

import json

import pytest
import torch

from tests.small_network import SMALL_CARD, SMALL_NETWORK
from virialff.cli import main
from virialff.errors import CheckpointError, EngineError
from virialff.models.checkpoint import save_checkpoint
from virialff.models.registry import add, load_model
from virialff.molecules.molecule import Molecule
from virialff.networks.baseline import N_FEATURES, Baseline
from virialff.networks.force_field import ForceFieldNetwork
from virialff.settings import MODELS_VARIABLE


@pytest.fixture(scope="module")
def huge(tmp_path_factory):
    """Finite weights that overflow in charge_net, where each layer multiplies by more than 1e38."""
    network = ForceFieldNetwork(SMALL_NETWORK)
    with torch.no_grad():
        for parameter in network.charges.parameters():
            parameter.fill_(1e38)
    folder = tmp_path_factory.mktemp("models") / "huge"
    baseline = Baseline(torch.zeros(N_FEATURES).double(), torch.ones(N_FEATURES, dtype=torch.bool))
    save_checkpoint(folder, network, baseline, SMALL_CARD)
    return folder


def test_the_library_raises(huge):
    with pytest.raises(EngineError, match="gives no finite parameters for C2H6O: train it again, or choose another"):
        load_model(huge).force_field(Molecule.from_smiles("CCO"))


@pytest.mark.parametrize(
    ("command", "code"),
    [
        (["params", "CCO"], 3),
        (["params", "CCO", "--json"], 3),
        (["params", "CCO", "--output", "{folder}/a.csv"], 3),
        (["energy", "CCO", "--generate", "2", "--method", "model"], 3),
        (["energy", "CCO", "--generate", "2", "--method", "model", "--json"], 3),
        (["conformers", "CCO", "--generate", "2", "--method", "model"], 3),
        (["scan", "CCO", "--atoms", "1,2", "--method", "model"], 3),
        (["export", "CCO", "--to", "openmm", "-o", "{folder}/x"], 4),
    ],
)
def test_commands_say_so_in_every_form(huge, tmp_path, capsys, command, code):
    arguments = [word.replace("{folder}", str(tmp_path)) for word in command]
    found = main([*arguments, "--model", str(huge)])
    output = capsys.readouterr()
    assert "no finite" in output.err, output
    assert found in (1, code), output.err
    assert found != 70
    assert "NaN" not in output.out
    if "--json" in command and output.out.strip():
        json.loads(output.out.splitlines()[0])
    assert not list(tmp_path.glob("*.csv"))


def test_it_cannot_be_added(huge, tmp_path, monkeypatch):
    monkeypatch.setenv(MODELS_VARIABLE, str(tmp_path))
    with pytest.raises(CheckpointError, match=r"loads but cannot predict: the model .* gives no finite parameters"):
        add(huge, "mine")
    assert not (tmp_path / "mine").exists()
