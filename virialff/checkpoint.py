"""Checkpoints: `model.safetensors` with the parameters and `card.json` with what a reader must know of them.

Loading never unpickles; a damaged or foreign file is refused with the reason.
"""

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor

from virialff.errors import CheckpointError
from virialff.networks.baseline import N_FEATURES, Baseline
from virialff.networks.config import NetworkConfig
from virialff.networks.force_field import ForceFieldNetwork

FORMAT = "virialff force field"
FORMAT_VERSION = 1
#: Version of what the card's keys mean; a card without the key `schema` has the first.
CARD_SCHEMA = 1
PARAMETERS_FILE = "model.safetensors"
CARD_FILE = "card.json"
#: Keys that every card has.
CARD_KEYS = (
    "name",
    "level_of_theory",
    "elements",
    "atomic_energies_kcal_mol",
    "data",
    "split",
    "recipe",
    "metrics",
    "limitations",
    "versions",
    "sha256",
)
#: No network has a larger size or number of layers; a damaged or hostile file must not fill the memory.
_LARGEST_SIZE = 4096


@dataclass(frozen=True)
class Checkpoint:
    """What a checkpoint folder holds."""

    network: ForceFieldNetwork
    baseline: Baseline
    card: dict[str, Any]


def save_checkpoint(folder: Path, network: ForceFieldNetwork, baseline: Baseline, card: dict[str, Any]) -> str:
    """Write both files, parameters first, each atomically, and return the sha256 of the parameters.

    `card` needs every key of CARD_KEYS but `sha256`, which is filled in. Raises CheckpointError naming a missing key.
    """
    missing = [key for key in CARD_KEYS if key not in card and key != "sha256"]
    if missing:
        raise CheckpointError(f"the model card lacks {', '.join(missing)}; a model without them cannot be saved")
    folder.mkdir(parents=True, exist_ok=True)
    tensors = {f"network.{name}": value.contiguous() for name, value in network.state_dict().items()}
    tensors |= {"baseline.weights": baseline.weights, "baseline.seen": baseline.seen}
    metadata = {
        "format": FORMAT,
        "format_version": str(FORMAT_VERSION),
        "network": json.dumps(network.config.to_dict()),
    }
    partial = folder / (PARAMETERS_FILE + ".partial")
    save_file(tensors, partial, metadata)
    digest = sha256_of(partial)
    partial.replace(folder / PARAMETERS_FILE)
    partial = folder / (CARD_FILE + ".partial")
    card = card | {"schema": CARD_SCHEMA, "sha256": digest}
    partial.write_text(json.dumps(card, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    partial.replace(folder / CARD_FILE)
    return digest


def load_checkpoint(folder: Path) -> Checkpoint:
    """Read a checkpoint folder.

    Raises CheckpointError saying what is wrong: a missing or unreadable file, parameters that are not those the
    card describes, another program's file, or a newer format.
    """
    card = _read_card(folder / CARD_FILE)
    file = folder / PARAMETERS_FILE
    if not file.is_file():
        raise CheckpointError(f"{folder} has no {PARAMETERS_FILE}; copy the whole model folder")
    digest = sha256_of(file)
    if digest != card["sha256"]:
        raise CheckpointError(
            f"{file} is damaged or not the file its card describes (sha256 {digest[:12]}..., "
            f"card {str(card['sha256'])[:12]}...); fetch the model again"
        )
    metadata, tensors = _read_parameters(file)
    network = _build_network(file, metadata, tensors)
    weights, seen = tensors.get("baseline.weights"), tensors.get("baseline.seen")
    if weights is None or seen is None or weights.shape != (N_FEATURES,) or seen.shape != (N_FEATURES,):
        raise CheckpointError(f"{file} has no baseline of {N_FEATURES} weights; the model cannot give total energies")
    return Checkpoint(network, Baseline(weights.double(), seen.bool()), card)


def sha256_of(path: Path) -> str:
    """Hexadecimal sha256 of a file."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _read_card(path: Path) -> dict[str, Any]:
    try:
        card = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise CheckpointError(
            f"{path.parent} has no {CARD_FILE}; a model folder holds {CARD_FILE} and {PARAMETERS_FILE}"
        ) from error
    except (OSError, ValueError, RecursionError) as error:
        raise CheckpointError(f"{path} cannot be read as a model card: {error}") from error
    if isinstance(card, dict) and card.get("schema", CARD_SCHEMA) != CARD_SCHEMA:
        raise CheckpointError(
            f"{path} is a model card of version {card['schema']} and this program reads {CARD_SCHEMA}; update virialff"
        )
    missing = [key for key in CARD_KEYS if not isinstance(card, dict) or key not in card]
    if missing:
        raise CheckpointError(f"{path} is not a model card of virialff: it lacks {', '.join(missing)}")
    return card


def _read_parameters(file: Path) -> tuple[dict[str, str], dict[str, Tensor]]:
    try:
        with safe_open(file, framework="pt") as reader:
            metadata = reader.metadata() or {}
            tensors = {name: reader.get_tensor(name) for name in reader.keys()}  # noqa: SIM118
    except (SafetensorError, OSError) as error:
        raise CheckpointError(f"{file} is not a safetensors file: {error}") from error
    if metadata.get("format") != FORMAT:
        raise CheckpointError(f"{file} holds tensors of another program, not a force field of virialff")
    if metadata.get("format_version") != str(FORMAT_VERSION):
        raise CheckpointError(
            f"{file} has format version {metadata.get('format_version')} and this program reads {FORMAT_VERSION}; "
            "update virialff"
        )
    return metadata, tensors


def _build_network(file: Path, metadata: dict[str, str], tensors: dict[str, Tensor]) -> ForceFieldNetwork:
    try:
        config = NetworkConfig.from_dict(json.loads(metadata["network"]))
        for name, value in config.to_dict().items():
            if isinstance(value, int) and not 0 <= value <= _LARGEST_SIZE:
                raise ValueError(f"{name} is {value}")
        network = ForceFieldNetwork(config)
        network.load_state_dict(
            {name.removeprefix("network."): value for name, value in tensors.items() if name.startswith("network.")}
        )
    except (AttributeError, KeyError, TypeError, ValueError, RuntimeError) as error:
        raise CheckpointError(f"{file} does not fit the network it describes: {error}") from error
    return network.requires_grad_(False).eval().to(torch.float64)
