"""Devices: what nvidia-smi and sinfo say, and sentences where they are not there or do not answer."""

import json
from pathlib import Path

import pytest

from training.jobs.devices import find_devices
from virialff.cli import main


def program(folder: Path, name: str, text: str, code: int = 0) -> None:
    """A stand-in for a program of hardware that the tests cannot have."""
    file = folder / name
    file.write_text(f"#!/bin/sh\nprintf '{text}'\nexit {code}\n")
    file.chmod(0o755)


@pytest.fixture
def programs(tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", str(tmp_path))
    return tmp_path


def test_without_gpu_and_slurm_there_are_sentences(programs, capsys):
    devices = find_devices()
    assert devices.gpus == ()
    assert "no NVIDIA GPU" in (devices.no_gpu or "")
    assert "There is no SLURM here" in (devices.no_slurm or "")
    assert main(["jobs", "devices", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["gpus"] == []


def test_gpus_with_memory_and_load(programs, capsys):
    program(programs, "nvidia-smi", "0, NVIDIA H100, 81559, 1024, 37\\n1, Tesla T4, 15360, 0, [N/A]\\n")
    first, second = find_devices().gpus
    assert (first.name, first.memory_total_mib, first.load_percent) == ("NVIDIA H100", 81559.0, 37.0)
    assert second.load_percent is None
    assert main(["jobs", "devices"]) == 0
    assert "NVIDIA H100, 1024 of 81559 MiB used, load 37 %" in capsys.readouterr().out


def test_what_does_not_answer_is_quoted(programs):
    program(programs, "nvidia-smi", "NVIDIA-SMI has failed\\n", 9)
    program(programs, "sbatch", "")
    program(programs, "sinfo", "slurm_load_partitions: Unable to contact slurm controller\\n", 1)
    devices = find_devices()
    assert "NVIDIA-SMI has failed" in (devices.no_gpu or "")
    assert devices.no_slurm == "SLURM is installed here, and its controller does not answer."
    assert "Unable to contact slurm controller" in devices.slurm_said


def test_partitions(programs):
    program(programs, "sbatch", "")
    program(programs, "sinfo", "cpu*|up|4|16|64000|(null)|1-00:00:00\\ngpu|up|2|32|128000|gpu:a100:4|infinite\\n")
    cpu, gpu = find_devices().partitions
    assert (cpu.name, cpu.default, cpu.gpus, cpu.nodes) == ("cpu", True, "", 4)
    assert (gpu.name, gpu.default, gpu.gpus, gpu.time_limit) == ("gpu", False, "gpu:a100:4", "infinite")
