"""The metrics of a run, read without torch."""

import json
from pathlib import Path
from typing import Any

METRICS_FILE = "metrics.jsonl"


def read_metrics(run: Path) -> list[dict[str, Any]]:
    """The metrics of the run in this folder by step, each step once; part of a line, as a kill leaves it, and what is
    no line of metrics is passed over."""
    try:
        lines = (run / METRICS_FILE).read_text(encoding="utf-8", errors="replace").splitlines()
    except (FileNotFoundError, NotADirectoryError):
        return []
    rows: dict[int, dict[str, Any]] = {}
    for line in lines:
        try:
            row = json.loads(line)
        except ValueError:
            continue
        if isinstance(row, dict) and type(row.get("step")) is int and isinstance(row.get("seconds", 0), (int, float)):
            rows[row["step"]] = row
    return [rows[step] for step in sorted(rows)]
