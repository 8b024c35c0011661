"""The metrics of a run, read without torch."""

from pathlib import Path
from typing import Any

from virialff.documents import read_lines

METRICS_FILE = "metrics.jsonl"
#: No number of a run is this large; tables would take larger integers for text.
_LARGEST = 2**53


def read_metrics(run: Path) -> list[dict[str, Any]]:
    """The metrics of the run in this folder by step, each step once; part of a line, as a kill leaves it, and what is
    no line of metrics is passed over."""
    rows: dict[int, dict[str, Any]] = {}
    for row in read_lines(run / METRICS_FILE).rows:
        if type(row.get("step")) is int and _is_number(row["step"]) and _is_number(row.get("seconds", 0)):
            rows[row["step"]] = {
                name: value
                for name, value in row.items()
                if (name == "stage" and isinstance(value, str)) or _is_number(value, finite=False)
            }
    return [rows[step] for step in sorted(rows)]


def _is_number(value: Any, *, finite: bool = True) -> bool:
    number = isinstance(value, (int, float)) and not isinstance(value, bool) and abs(value) < _LARGEST
    return number or (not finite and isinstance(value, float))
