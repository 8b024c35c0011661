"""The folder of a run: resolved config, environment of every start, metrics, status and checkpoint.

`config.json`, `status.json` and `checkpoint.pt` appear whole or not at all; `metrics.jsonl` and `environment.jsonl`
are only appended to. A run that went on from a checkpoint writes the metrics of some steps again: the last line of
a step counts.
"""

from __future__ import annotations

import datetime
import io
import os
import pickle
import platform
import socket
import subprocess
import zipfile
import zlib
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import torch

import virialff
from training.jobs.locks import holding
from training.loop.metrics import METRICS_FILE, read_metrics
from training.loop.tensorboard import append_events
from virialff import seals
from virialff.documents import json_line, json_lines, read_object
from virialff.errors import CheckpointError
from virialff.files import replace_file
from virialff.settings import CHECKOUT
from virialff.text import reason_of

#: What `status.json` can say: `interrupted` was saved on a signal, `stopped` has a reason that a person must see to.
STATUSES = ("running", "finished", "interrupted", "stopped")
CHECKPOINT = "checkpoint.pt"
#: What to do about a damaged file of a run.
ADVICE = "restore it from a copy, or train the run anew in another folder"


#: What zipfile and torch raise of a damaged file.
_UNREADABLE = (
    zipfile.BadZipFile,
    zlib.error,
    pickle.UnpicklingError,
    EOFError,
    OSError,
    RuntimeError,
    ValueError,
    TypeError,
    LookupError,
    AttributeError,
    ArithmeticError,
    NotImplementedError,
)


class RunFolder:
    """Reads and writes the files of one run.

    Raises OSError where the disk does, DocumentError and CheckpointError for a damaged file.
    """

    def __init__(self, path: Path) -> None:
        self.path = path

    def held(self) -> AbstractContextManager[None]:
        """For one training at a time. Raises JobError with the name of the process that trains here."""
        return holding(self.path / "run.lock", f"The run {self.path}")

    def write_config(self, config: dict[str, Any]) -> None:
        """Write `config.json`: all settings of the run, resolved."""
        self._write_json("config.json", config)

    def config(self) -> dict[str, Any]:
        """The settings of the run."""
        return self._read_json("config.json")

    def has_config(self) -> bool:
        """Whether a run was ever started here."""
        return (self.path / "config.json").exists()

    def append_environment(self, step: int, device: str, processes: int = 1) -> None:
        """Note versions, machine, device, number of processes and commit of a start at `step`."""
        self._append("environment.jsonl", {"step": step, "processes": processes} | environment(device))

    def append_metrics(self, metrics: dict[str, Any]) -> None:
        """Append one line to `metrics.jsonl`, and to the events of TensorBoard where they are asked for."""
        self._append(METRICS_FILE, metrics)
        append_events(self.path, metrics)

    def metrics(self) -> list[dict[str, Any]]:
        """The metrics by step, each step once."""
        return read_metrics(self.path)

    def write_status(self, status: str, reason: str = "", **values: Any) -> None:
        """Write `status.json`: one of STATUSES, the reason in words, the process and `values`."""
        assert status in STATUSES, status
        content = {"status": status, "reason": reason, **values}
        content |= {"time": _now(), "host": socket.gethostname(), "process": os.getpid()}
        self._write_json("status.json", content)

    def status(self) -> dict[str, Any]:
        """The content of `status.json`."""
        return self._read_json("status.json")

    def save_checkpoint(self, content: dict[str, Any]) -> None:
        """Replace the checkpoint; whatever goes wrong, the former one stays."""
        # torch reports a full disk as an error of its own format, without errno.
        buffer = io.BytesIO()
        torch.save(content, buffer)
        seals.seal_zip(buffer)
        replace_file(self.path / CHECKPOINT, buffer.getbuffer())

    def checkpoint(self, device: str) -> dict[str, Any] | None:
        """The last checkpoint with its tensors on `device`, None if there is none yet.

        Raises CheckpointError for one that is damaged or not of a run.
        """
        file = self.path / CHECKPOINT
        if not file.exists():
            return None
        if (damage := seals.problem(file)) is not None:
            raise _damaged(file, damage)
        try:
            # The archives of torch have a checksum a part, which it does not look at.
            with zipfile.ZipFile(file) as archive:
                torn = archive.testzip()
            content: dict[str, Any] = torch.load(file, map_location=device, weights_only=True)
        except torch.OutOfMemoryError:
            raise
        except _UNREADABLE as error:
            raise _damaged(file, reason_of(error)) from error
        if torn is not None:
            raise _damaged(file, f"the checksum of its part {torn} is another")
        step = content.get("step") if isinstance(content, dict) else None
        if type(step) is not int or step < 0 or not isinstance(content.get("seconds", 0.0), (int, float)):
            raise _damaged(file, "it does not tell its step")
        return content

    def _read_json(self, name: str) -> dict[str, Any]:
        return read_object(self.path / name, ADVICE)

    def _write_json(self, name: str, content: dict[str, Any]) -> None:
        replace_file(self.path / name, json_lines(content))

    def _append(self, name: str, content: dict[str, Any]) -> None:
        with (self.path / name).open("ab+") as file:
            if file.seek(0, os.SEEK_END):
                file.seek(-1, os.SEEK_END)
                # A kill in the middle of a line must not spoil the next one.
                if file.read(1) != b"\n":
                    file.write(b"\n")
            file.write(json_line(content))
            file.flush()
            os.fsync(file.fileno())


def _damaged(file: Path, reason: str) -> CheckpointError:
    return CheckpointError(f"{file} is damaged ({reason}): {ADVICE}.")


def environment(device: str) -> dict[str, Any]:
    """Where and with what a run computes, as plain values."""
    return {
        "time": _now(),
        "host": socket.gethostname(),
        "platform": platform.platform(),
        "device": torch.cuda.get_device_name(device) if device.startswith("cuda") else device,
        "threads": torch.get_num_threads(),
        "versions": {
            "python": platform.python_version(),
            "torch": torch.__version__,
            "numpy": np.__version__,
            "pyarrow": pa.__version__,
            "virialff": virialff.__version__,
        },
        "commit": _commit(),
    }


def _commit() -> str | None:
    """The commit of the checkout, with `+changes` where files differ from it; None without git or a checkout."""

    def git(*arguments: str) -> str | None:
        try:
            done = subprocess.run(["git", "-C", str(CHECKOUT), *arguments], capture_output=True, text=True, timeout=20)
        except (OSError, subprocess.TimeoutExpired):
            return None
        return done.stdout.strip() if done.returncode == 0 else None

    commit = git("rev-parse", "HEAD")
    return f"{commit}+changes" if commit and git("status", "--porcelain", "--untracked-files=no") else commit


def _now() -> str:
    return datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds")
