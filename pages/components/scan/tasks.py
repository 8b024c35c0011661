"""What the page Scan computes in worker processes. Imports no Streamlit."""

from __future__ import annotations

from collections.abc import Mapping

from pages.components.shell.worker import Report
from virialff.conformers.relax import Minimum
from virialff.conformers.relaxed_scans import relax_scan
from virialff.conformers.scans import Scan
from virialff.methods.method import get_method, with_forces

#: A point by its number (from 0).
Point = tuple[int, Minimum]


def relax_points(report: Report, rigid: Scan, method: str, known: Mapping[int, Minimum]) -> None:
    """Relax the points of a scan that are not known yet; every one is reported as a Point."""
    n, done = len(rigid.values), len(known)
    report(done, n, f"{done} of {n} points")

    def keep(number: int, minimum: Minimum) -> None:
        nonlocal done
        done += 1
        report(done, n, f"{done} of {n} points", (number, minimum))

    relax_scan(rigid, with_forces(get_method(method)), known=known, keep=keep)
