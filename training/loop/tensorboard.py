"""Metrics as TensorBoard reads them: event files in the folder `tensorboard` of a run, written without its package.

An event is a protocol buffer (wall_time, step, summary of tags with values) in a record of TFRecord: length, masked
CRC-32C of the length, content, masked CRC-32C of the content.
"""

from __future__ import annotations

import os
import struct
import time
from pathlib import Path
from typing import Any

#: Folder of a run. Events are written where it is.
EVENTS = "tensorboard"
# A process has a file of its own: what a killed one left unfinished would hide all that came after it.
_STARTED = time.time()
_POLYNOMIAL = 0x82F63B78
_TABLE = [0] * 256
for _byte in range(256):
    _value = _byte
    for _ in range(8):
        _value = _value >> 1 ^ (_POLYNOMIAL if _value & 1 else 0)
    _TABLE[_byte] = _value


def begin_events(run: Path) -> None:
    """From now on the metrics of this run are written as events too, also where it is gone on with."""
    (run / EVENTS).mkdir(parents=True, exist_ok=True)


def append_events(run: Path, metrics: dict[str, Any]) -> None:
    """Write a line of metrics where `begin_events` asked for it: `train_energy` of a run is the tag `train/energy`."""
    folder = run / EVENTS
    if not folder.is_dir():
        return
    file = folder / f"events.out.tfevents.{_STARTED:.0f}.{os.getpid()}.virialff"
    content = b"" if file.exists() else _record(_event(0, _text(3, b"brain.Event:2")))
    values = b"".join(
        _text(1, _text(1, _tag(name).encode()) + b"\x15" + struct.pack("<f", value))
        for name, value in metrics.items()
        if name != "step" and isinstance(value, int | float)
    )
    with file.open("ab") as opened:
        opened.write(content + _record(_event(int(metrics["step"]), _text(5, values))))


def _tag(name: str) -> str:
    split, _, loss = name.partition("_")
    return f"{split}/{loss}" if split in ("train", "validation") and loss else name


def _event(step: int, rest: bytes) -> bytes:
    return b"\x09" + struct.pack("<d", time.time()) + b"\x10" + _varint(step) + rest


def _text(field: int, content: bytes) -> bytes:
    """A field of bytes, of text or of another message."""
    return bytes([field << 3 | 2]) + _varint(len(content)) + content


def _varint(number: int) -> bytes:
    found = bytearray()
    while number > 0x7F:
        found.append(number & 0x7F | 0x80)
        number >>= 7
    return bytes([*found, number])


def _record(content: bytes) -> bytes:
    length = struct.pack("<Q", len(content))
    return length + _masked_crc(length) + content + _masked_crc(content)


def _masked_crc(content: bytes) -> bytes:
    crc = 0xFFFFFFFF
    for byte in content:
        crc = _TABLE[(crc ^ byte) & 0xFF] ^ crc >> 8
    crc ^= 0xFFFFFFFF
    return struct.pack("<I", ((crc >> 15 | crc << 17 & 0xFFFFFFFF) + 0xA282EAD8) & 0xFFFFFFFF)
