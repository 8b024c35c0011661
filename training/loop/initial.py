"""Weights to start a run with, from another run or a model: to train at a cheap level and fine-tune at a better one.

Levels of theory have different zeros of energy, so the baseline that comes with them is moved (baselines.py).
"""

from __future__ import annotations

from pathlib import Path

import torch
from torch import Tensor

from training.loop.run_folder import CHECKPOINT, RunFolder
from virialff.documents import read_object
from virialff.errors import CheckpointError, ConfigError
from virialff.models.checkpoint import CARD_FILE, load_checkpoint
from virialff.networks.baseline import Baseline
from virialff.networks.config import NetworkConfig
from virialff.networks.force_field import ForceFieldNetwork
from virialff.networks.kinetic import KineticNetwork
from virialff.text import reason_of

#: Sizes of the kinetic-energy network, which a model does not have.
_OF_KINETIC = ("atom_width", "atom_layers", "edge_width", "edge_layers")
#: Switches that a training may turn on in a network without them: their weights are zero at first, or they have none
#: and give those of others another input.
_ADDED = ("ring_sizes", "ring_membership", "far_pairs_as_contacts", "path_atoms")
#: Switches of the baseline, which does not belong to the weights: it is fitted again.
OF_BASELINE = ("bond_type_baseline", "coordination_baseline")
#: Outputs for the width of a Gaussian, about where trained networks have most of theirs: mean and standard deviation.
_WIDTH_OUTPUTS = (-2.0, 1.0)


def copy_initial_weights(folder: Path, network: ForceFieldNetwork, kinetic: KineticNetwork | None) -> Baseline:
    """Copy the averaged weights of a run, or those of a model; the kinetic-energy network's where both have one.

    Returns the baseline of the total energy that belongs to them.

    Raises ConfigError if `folder` is neither or if its network differs, CheckpointError for a damaged model.
    """
    run = RunFolder(folder)
    saved = run.checkpoint("cpu")
    if saved is not None:
        has_kinetic = "kinetic_average" in saved
        try:
            config = NetworkConfig.from_dict(run.config()["network"])
            _refuse_other_network(folder, config, network.config, compare_kinetic=kinetic is not None and has_kinetic)
            _load(network, saved["average"], config)
            if kinetic is not None and has_kinetic:
                kinetic.load_state_dict(saved["kinetic_average"])
            return Baseline.read(saved["baseline_weights"], saved["baseline_seen"])
        except (RuntimeError, ValueError, TypeError, LookupError, AttributeError) as error:
            raise CheckpointError(
                f"The run {folder}, named by `initial`, is damaged: its checkpoint does not fit its settings "
                f"({reason_of(error)})."
            ) from error
    if (folder / CARD_FILE).is_file():
        model = load_checkpoint(folder)
        _refuse_other_network(folder, model.network.config, network.config, compare_kinetic=False)
        _load(network, model.network.state_dict(), model.network.config)
        return model.baseline
    raise ConfigError(
        f"{folder}, named by `initial`, is neither a run with a {CHECKPOINT} nor a model with a {CARD_FILE}."
    )


def require_level(folder: Path, level: str) -> None:
    """Raise ConfigError where the run or model says that it is of another level of theory than a companion's labels.

    These keep its baseline: with that of another level they would be off by the whole difference of the levels, a
    hundred thousand kcal/mol, and the weights would follow.
    """
    for name in ("recipe.json", CARD_FILE):
        if (folder / name).is_file():
            own = read_object(folder / name).get("level_of_theory")
            if own is not None and own != level:
                raise ConfigError(
                    f"The companion has labels at {level}, and {folder}, named by `initial`, is a model at {own}: name "
                    f"a run or a model at {level} there, or leave `companion` out."
                )
            return


def _load(network: ForceFieldNetwork, weights: dict[str, Tensor], config: NetworkConfig) -> None:
    """Take over the weights; those of a switch that they were trained without stay as they are, zero."""
    network.load_state_dict(network.state_dict() | weights)
    before, after = config.gaussian_widths, network.config.gaussian_widths
    if before is not None and after is not None and before != after:
        last = network.pairs.rest[-1]
        assert isinstance(last, torch.nn.Linear)
        _keep_widths(last, before, after)


@torch.no_grad()
def _keep_widths(last: torch.nn.Linear, before: tuple[float, float], after: tuple[float, float]) -> None:
    """Change the last layer of feats_net so that widths stay nearly what they were when their bounds change.

    The outputs that give the same widths within other bounds are fitted by a line, where most outputs are.
    """
    mean, deviation = _WIDTH_OUTPUTS
    outputs = torch.linspace(mean - 3 * deviation, mean + 3 * deviation, 101, dtype=torch.float64)
    widths = before[0] + (before[1] - before[0]) * torch.sigmoid(outputs)
    shares = ((widths - after[0]) / (after[1] - after[0])).clamp(0.01, 0.99)
    often = torch.exp(-(((outputs - mean) / deviation) ** 2) / 4)  # square root of a normal density, for least squares
    line = torch.stack([outputs, torch.ones_like(outputs)], dim=1) * often.unsqueeze(1)
    slope, shift = torch.linalg.lstsq(line, (torch.logit(shares) * often).unsqueeze(1)).solution.flatten().tolist()
    last.weight[3::2] *= slope
    last.bias[3::2] = slope * last.bias[3::2] + shift


def _refuse_other_network(folder: Path, there: NetworkConfig, here: NetworkConfig, *, compare_kinetic: bool) -> None:
    mine = here.to_dict()
    for name, value in there.to_dict().items():
        if name in OF_BASELINE or (name in _ADDED and mine[name] and not value):
            continue
        if name == "gaussian_widths" and mine[name] is not None and value is not None:
            continue
        if mine[name] != value and (compare_kinetic or name not in _OF_KINETIC):
            raise ConfigError(
                f"{folder}, named by `initial`, has a network with {name} {value} and the recipe says {mine[name]}: "
                "they must agree."
            )
