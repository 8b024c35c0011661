"""Events for TensorBoard, read back by the rules of TFRecord and protocol buffers."""

import struct
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.small_training import small_recipe, small_store
from training.loop.metrics import read_metrics
from training.loop.tensorboard import EVENTS, _masked_crc, append_events, begin_events
from virialff.cli import main


def records(content: bytes) -> list[bytes]:
    found = []
    while content:
        (length,) = struct.unpack("<Q", content[:8])
        assert content[8:12] == _masked_crc(content[:8])
        body, check, content = content[12 : 12 + length], content[12 + length : 16 + length], content[16 + length :]
        assert check == _masked_crc(body)
        found.append(body)
    return found


def fields(message: bytes) -> dict[int, list[Any]]:
    """Of a protocol buffer: numbers of the wire types 0, 1 and 5, and bytes."""
    found: dict[int, list[Any]] = {}
    at = 0

    def varint() -> int:
        nonlocal at
        number, shift = 0, 0
        while True:
            byte = message[at]
            at += 1
            number |= (byte & 0x7F) << shift
            shift += 7
            if byte < 0x80:
                return number

    value: Any
    while at < len(message):
        field, kind = divmod(varint(), 8)
        if kind == 0:
            value = varint()
        elif kind == 2:
            length = varint()
            value, at = message[at : at + length], at + length
        else:
            size, form = {1: (8, "<d"), 5: (4, "<f")}[kind]
            value, at = struct.unpack(form, message[at : at + size])[0], at + size
        found.setdefault(field, []).append(value)
    return found


def events(folder: Path) -> list[tuple[int, dict[str, float]]]:
    """Steps with their tags and values, in the order of writing."""
    (file,) = (folder / EVENTS).iterdir()
    first, *rest = [fields(record) for record in records(file.read_bytes())]
    assert first[3] == [b"brain.Event:2"]
    made = []
    for event in rest:
        values = [fields(value) for value in fields(event[5][0])[1]]
        made.append((event[2][0], {value[1][0].decode(): value[2][0] for value in values}))
    return made


def test_the_checksum_is_that_of_tensorflow():
    """CRC-32C of "123456789" is e3069283 (RFC 3720), masked as TFRecord does."""
    crc = 0xE3069283
    assert _masked_crc(b"123456789") == struct.pack("<I", ((crc >> 15 | crc << 17) + 0xA282EAD8) & 0xFFFFFFFF)


def test_metrics_are_events_where_they_are_asked_for(tmp_path):
    append_events(tmp_path, {"step": 1, "train_energy": 1.0})
    assert not (tmp_path / EVENTS).exists()
    begin_events(tmp_path)
    append_events(tmp_path, {"step": 300, "stage": "potential", "seconds": 2, "train_energy": 1.5})
    append_events(tmp_path, {"step": 600, "validation_energy_mae": 0.25, "learning_rate": 1e-3})
    assert events(tmp_path) == [
        (300, {"seconds": 2.0, "train/energy": 1.5}),
        (600, {"validation/energy_mae": 0.25, "learning_rate": pytest.approx(1e-3)}),
    ]


def test_a_training_writes_them(tmp_path):
    store = small_store(tmp_path / "small.parquet", 15, 10)
    recipe = tmp_path / "recipe.yaml"
    recipe.write_text(yaml.safe_dump(small_recipe(store, steps=4, validate_every=2)))
    run = tmp_path / "run"
    assert main(["train", str(recipe), "--run", str(run), "--tensorboard"]) == 0
    found, rows = events(run), read_metrics(run)
    assert [step for step, _ in found] == [row["step"] for row in rows] == [2, 4]
    for (_, values), row in zip(found, rows, strict=True):
        assert values["validation/energy_mae"] == pytest.approx(row["validation_energy_mae"], rel=1e-6)
