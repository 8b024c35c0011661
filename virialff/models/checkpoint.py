"""Checkpoints: `model.safetensors` with the parameters and `card.json` with what a reader must know of them.

Further parameter sets of the same network, `member-1.safetensors` and so on, may stand beside it: they only tell how
far models trained alike disagree. The card lists them with their sha256.

Loading never unpickles; a damaged or foreign file is refused with the reason.
"""

import fcntl
import hashlib
import json
import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save
from torch import Tensor

from virialff.documents import json_lines, parse_json, read_json
from virialff.errors import CheckpointError, DocumentError
from virialff.files import disk_problem, replace_file
from virialff.models.card_form import fault_of_card, without_nan
from virialff.networks.baseline import Baseline
from virialff.networks.config import NetworkConfig
from virialff.networks.force_field import ForceFieldNetwork
from virialff.text import reason_of

FORMAT = "virialff force field"
FORMAT_VERSION = 1
#: Version of what the card's keys mean; a card without the key `schema` has the first.
CARD_SCHEMA = 1
PARAMETERS_FILE = "model.safetensors"
CARD_FILE = "card.json"
#: Names of the files of further members, in their order; a model has no more.
MEMBER_FILES = tuple(f"member-{number}.safetensors" for number in range(1, 10))
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
#: Largest files of a model in bytes, read here or received: ours have 1 to 6 MB of parameters and 0.5 MB of card.
MAX_BYTES = {PARAMETERS_FILE: 256 * 2**20, CARD_FILE: 4 * 2**20} | dict.fromkeys(MEMBER_FILES, 256 * 2**20)


@dataclass(frozen=True)
class Checkpoint:
    """What a checkpoint folder holds."""

    network: ForceFieldNetwork
    baseline: Baseline
    card: dict[str, Any]
    #: Where it was read from, None for one that was not.
    folder: Path | None = None


@dataclass(frozen=True)
class Member:
    """A further parameter set to save beside a model, and what the card says of where it comes from."""

    network: ForceFieldNetwork
    baseline: Baseline
    origin: dict[str, Any] = field(default_factory=dict)


def save_checkpoint(
    folder: Path,
    network: ForceFieldNetwork,
    baseline: Baseline,
    card: dict[str, Any],
    members: Sequence[Member] = (),
) -> str:
    """Write all files, parameters first, each atomically, and return the sha256 of the parameters.

    `card` needs every key of CARD_KEYS but `sha256`, which is filled in, as `members` is; `intervals` are of other
    weights and left out. Raises CheckpointError naming a missing key, and for members of another network or too many of
    them.
    """
    missing = [key for key in CARD_KEYS if key not in card and key != "sha256"]
    if missing:
        raise CheckpointError(f"the model card lacks {', '.join(missing)}; a model without them cannot be saved")
    if len(members) > len(MEMBER_FILES):
        raise CheckpointError(f"a model has at most {len(MEMBER_FILES)} further members and {len(members)} were given")
    for number, member in enumerate(members, start=1):
        if member.network.config != network.config:
            raise CheckpointError(
                f"member {number} has another network than the model; train all members by one recipe"
            )
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise CheckpointError(f"the model cannot be written: {disk_problem(error)}") from error
    listed = [
        member.origin | {"file": name, "sha256": _save_parameters(folder / name, member.network, member.baseline)}
        for name, member in zip(MEMBER_FILES, members, strict=False)
    ]
    digest = _save_parameters(folder / PARAMETERS_FILE, network, baseline)
    card = card | {"schema": CARD_SCHEMA, "sha256": digest}
    for of_other_weights in ("members", "intervals"):
        card.pop(of_other_weights, None)
    if listed:
        card["members"] = listed
    _write_card(folder, card)
    for name in MEMBER_FILES[len(members) :]:
        (folder / name).unlink(missing_ok=True)
    return digest


def update_card(folder: Path, changes: dict[str, Any]) -> None:
    """Add these keys to the card of a model folder, or replace them, atomically. Raises CheckpointError as reading."""
    with _changing(folder):
        _write_card(folder, _read_card(folder / CARD_FILE) | changes)


def update_metrics(folder: Path, name: str, values: Mapping[str, Any]) -> None:
    """Put values into the mapping `name` of the metrics of a folder's card; what else the card says stays."""
    with _changing(folder):
        card = _read_card(folder / CARD_FILE)
        known = card["metrics"].get(name)
        card["metrics"][name] = (known if isinstance(known, dict) else {}) | dict(values)
        _write_card(folder, card)


@contextmanager
def _changing(folder: Path) -> Iterator[None]:
    """One process at a time changes what a card says, so that no change is lost."""
    try:
        descriptor = os.open(folder, os.O_RDONLY)
    except OSError as error:
        raise CheckpointError(f"the model cannot be changed: {disk_problem(error)}") from error
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


def _write_card(folder: Path, card: Mapping[str, Any]) -> None:
    _replace(folder / CARD_FILE, json_lines(without_nan(card)))


def _replace(file: Path, content: bytes) -> None:
    try:
        replace_file(file, content)
    except OSError as error:
        raise CheckpointError(f"the model cannot be written: {disk_problem(error)}") from error


def _save_parameters(file: Path, network: ForceFieldNetwork, baseline: Baseline) -> str:
    """Write one safetensors file atomically; its sha256."""
    tensors = {f"network.{name}": value.contiguous() for name, value in network.state_dict().items()}
    tensors |= {"baseline.weights": baseline.weights, "baseline.seen": baseline.seen}
    metadata = {
        "format": FORMAT,
        "format_version": str(FORMAT_VERSION),
        "network": json.dumps(network.config.to_dict()),
    }
    for name, value in tensors.items():
        if not torch.isfinite(value).all():
            raise CheckpointError(f"{name} has values that are not finite numbers; such a model is not saved")
    # Not save_file: its files are readable by their owner alone, and a model folder may be shared.
    content = save(tensors, metadata)
    _replace(file, content)
    return hashlib.sha256(content).hexdigest()


def load_checkpoint(folder: Path) -> Checkpoint:
    """Read a checkpoint folder, without its further members.

    Raises CheckpointError saying what is wrong: a missing or unreadable file, parameters that are not those the
    card describes, another program's file, or a newer format.
    """
    card = _read_card(folder / CARD_FILE)
    network, baseline = _load_parameters(folder / PARAMETERS_FILE, card["sha256"])
    return Checkpoint(network, baseline, card, folder)


def load_members(folder: Path, card: dict[str, Any], config: NetworkConfig) -> tuple[Checkpoint, ...]:
    """The further members that the card lists, each with the card of the model.

    config: the model's own. Raises CheckpointError as `load_checkpoint`, and for a member of another network.
    """
    listed = card.get("members", [])
    if not isinstance(listed, list) or len(listed) > len(MEMBER_FILES):
        raise CheckpointError(f"{folder / CARD_FILE} does not list the members of the model; fetch the model again")
    members = []
    for name, entry in zip(MEMBER_FILES, listed, strict=False):
        if not isinstance(entry, dict) or entry.get("file") != name or "sha256" not in entry:
            raise CheckpointError(f"{folder / CARD_FILE} does not describe {name}; fetch the model again")
        network, baseline = _load_parameters(folder / name, entry["sha256"])
        if network.config != config:
            raise CheckpointError(f"{folder / name} has another network than {PARAMETERS_FILE}; fetch the model again")
        members.append(Checkpoint(network, baseline, card, folder))
    return tuple(members)


def _load_parameters(file: Path, sha256: Any) -> tuple[ForceFieldNetwork, Baseline]:
    if not file.is_file():
        raise CheckpointError(f"{file.parent} has no {file.name}; copy the whole model folder")
    try:
        if file.stat().st_size > MAX_BYTES[file.name]:
            raise CheckpointError(
                f"{file} is larger than {MAX_BYTES[file.name] // 2**20} MB, which no model of virialff is"
            )
        digest = sha256_of(file)
    except OSError as error:
        raise CheckpointError(f"the model cannot be read: {disk_problem(error)}") from error
    if digest != sha256:
        raise CheckpointError(
            f"{file} is damaged or not the file its card describes (sha256 {digest[:12]}..., "
            f"card {str(sha256)[:12]}...); fetch the model again"
        )
    metadata, tensors = _read_parameters(file)
    network = _build_network(file, metadata, tensors)
    weights, seen = tensors.get("baseline.weights"), tensors.get("baseline.seen")
    if weights is None or seen is None:
        raise CheckpointError(f"{file} has no baseline; the model cannot give total energies")
    try:
        baseline = Baseline.read(weights, seen)
    except (ValueError, TypeError, RuntimeError) as error:
        raise CheckpointError(f"{file}: {reason_of(error)}; the model cannot give total energies") from error
    if not torch.isfinite(baseline.weights).all():
        raise CheckpointError(f"{file} is whole but of no use: its baseline is not finite; train the model again")
    return network, baseline


def sha256_of(path: Path) -> str:
    """Hexadecimal sha256 of a file."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _read_card(path: Path) -> dict[str, Any]:
    try:
        # Cards of version 0.1 may have NaN for a statistic of too few values.
        card = without_nan(read_json(path, most_bytes=MAX_BYTES[CARD_FILE], finite=False))
    except (FileNotFoundError, NotADirectoryError) as error:
        raise CheckpointError(
            f"{path.parent} has no {CARD_FILE}; a model folder holds {CARD_FILE} and {PARAMETERS_FILE}"
        ) from error
    except OSError as error:
        raise CheckpointError(f"{path} cannot be read as a model card: {error.strerror or error}") from error
    except DocumentError as error:
        raise CheckpointError(f"{path} cannot be read as a model card: {error}; fetch the model again") from error
    if isinstance(card, dict) and card.get("schema", CARD_SCHEMA) != CARD_SCHEMA:
        raise CheckpointError(
            f"{path} is a model card of version {card['schema']} and this program reads {CARD_SCHEMA}; update virialff"
        )
    missing = [key for key in CARD_KEYS if not isinstance(card, dict) or key not in card]
    if missing:
        raise CheckpointError(f"{path} is not a model card of virialff: it lacks {', '.join(missing)}")
    if (wrong := fault_of_card(card)) is not None:
        raise CheckpointError(f"{path} {wrong}; fetch the model again")
    found: dict[str, Any] = card
    return found


def _read_parameters(file: Path) -> tuple[dict[str, str], dict[str, Tensor]]:
    try:
        with safe_open(file, framework="pt") as reader:
            metadata = reader.metadata() or {}
            tensors = {name: reader.get_tensor(name) for name in reader.keys()}  # noqa: SIM118
    except (SafetensorError, OSError, ValueError, TypeError, RuntimeError) as error:
        raise CheckpointError(f"{file} is not a safetensors file: {reason_of(error)}") from error
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
        config = NetworkConfig.from_dict(parse_json(metadata["network"].encode()))
        network = ForceFieldNetwork(config)
        weights = {
            name.removeprefix("network."): value for name, value in tensors.items() if name.startswith("network.")
        }
        network.load_state_dict(weights)
    except (AttributeError, KeyError, TypeError, ValueError, RuntimeError, DocumentError) as error:
        raise CheckpointError(f"{file} does not fit the network it describes: {error}") from error
    for name, value in network.state_dict().items():
        if not torch.isfinite(value).all():
            raise CheckpointError(
                f"{file} is whole but of no use: its weights {name} are not finite numbers; train the model again"
            )
    return network.requires_grad_(False).eval().to(torch.float64)
