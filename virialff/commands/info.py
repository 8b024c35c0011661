"""What this installation can do: versions, models with their level of theory, engines, elements, devices.

The default model is marked by *. An engine that cannot run is listed with the reason. Exit code 4 means that the
default model cannot be used.
"""

from __future__ import annotations

import argparse
import importlib.metadata
import platform
from typing import Any

from virialff import __version__
from virialff.commands import ExitCode
from virialff.commands.models import as_line, facts_of
from virialff.documents import json_text

SUMMARY = "versions, models, engines, elements, devices"

PACKAGES = ("torch", "dgl", "numpy", "pandas", "rdkit", "safetensors", "xtb", "tblite", "torchani", "streamlit")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--json", action="store_true", help="print one JSON object instead of text")


def run(arguments: argparse.Namespace) -> int:
    facts = collect()
    if arguments.json:
        print(json_text("info", facts, indent=1))
    else:
        print(as_text(facts))
    default = next((model for model in facts["models"] if model["default"]), None)
    return ExitCode.OK if default is not None and "error" not in default else ExitCode.UNAVAILABLE


def collect() -> dict[str, Any]:
    """All facts as one JSON-ready dictionary."""
    from virialff.elements import ELEMENTS

    return {
        "virialff": __version__,
        "python": platform.python_version(),
        "packages": {name: _version(name) for name in PACKAGES},
        "elements": list(ELEMENTS),
        "models": _models(),
        "engines": _engines(),
        "devices": _devices(),
    }


def _version(package: str) -> str | None:
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return None


def _models() -> list[dict[str, Any]]:
    from virialff.models.registry import registered_models

    return [facts_of(model) for model in registered_models()]


def _engines() -> list[dict[str, Any]]:
    from virialff.elements import SYMBOL_OF
    from virialff.engines import DFT_ENGINES, ENGINES, get_engine

    engines: list[dict[str, Any]] = []
    for name in (*ENGINES, *DFT_ENGINES):
        engine = get_engine(name)
        reason = engine.available()
        facts: dict[str, Any] = {"name": name, "available": reason is None}
        if reason is None:
            facts["level_of_theory"] = engine.level
            lacks = [symbol for z, symbol in SYMBOL_OF.items() if z not in engine.elements]
            # Which ANI it will be, and so what it lacks, is open until its weights are there.
            facts["lacks"] = lacks if getattr(engine, "weights", engine) is not None else []
        else:
            facts["reason"] = reason
        engines.append(facts)
    return engines


def _devices() -> list[dict[str, str]]:
    import torch

    devices = [{"device": "cpu", "description": f"{torch.get_num_threads()} threads"}]
    for index in range(torch.cuda.device_count()):
        devices.append({"device": f"cuda:{index}", "description": torch.cuda.get_device_name(index)})
    return devices


def as_text(facts: dict[str, Any]) -> str:
    """The facts as text, a group of lines for each kind."""
    lines = [f"virialff {facts['virialff']}, Python {facts['python']}"]
    lines.append("packages  " + ", ".join(f"{name} {found or 'missing'}" for name, found in facts["packages"].items()))
    lines.append("elements  " + " ".join(facts["elements"]))
    lines.append("models")
    for model in facts["models"]:
        lines.append(f"{'*' if model['default'] else ' '} {as_line(model)}")
        lines += [f"    limitation: {limitation}" for limitation in model.get("limitations", [])]
    lines.append("engines")
    for engine in facts["engines"]:
        if not engine["available"]:
            lines.append(f"  {engine['name']}: not available: {engine['reason']}")
        else:
            lacks = f", no parameters for {' '.join(engine['lacks'])}" if engine["lacks"] else ""
            lines.append(f"  {engine['name']}: {engine['level_of_theory']}{lacks}")
    lines.append("devices")
    lines += [f"  {device['device']}: {device['description']}" for device in facts["devices"]]
    return "\n".join(lines)
