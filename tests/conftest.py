"""What all tests share: which ones are slow or need a system program, and that CI skips nothing."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Generator
from pathlib import Path

import pytest

ON_CI = os.environ.get("CI", "").lower() in {"1", "true", "yes"}
ROOT = Path(__file__).resolve().parent.parent
#: Below tests/: what needs a browser, the app, SLURM, DFT, trainings or campaigns. `make test-fast` leaves it out.
SLOW = (
    "browser",
    "door",
    "pages",
    "scripts/test_notebooks.py",
    "test_conftest.py",
    "test_repository.py",
    "test_shipped_labels.py",
    "test_wheel.py",
    "training/jobs",
    "training/labelling",
    "training/loop",
    "training/studies",
    "training/test_commands.py",
    "virialff/benchmarks",
    "virialff/commands",
    "virialff/conformers/test_crest.py",
    "virialff/engines",
    "virialff/interactions",
)


def pytest_configure(config: pytest.Config) -> None:
    """Keep the models and the default that the user has chosen out of the tests, and of the programs they start."""
    folder = tempfile.mkdtemp(prefix="virialff-tests-")
    config.add_cleanup(lambda: shutil.rmtree(folder, ignore_errors=True))
    os.environ["VIRIALFF_MODELS"] = folder


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Skip the tests whose program is missing; all of tests/browser/ needs Chromium. Mark the slow ones."""
    slow = [ROOT / "tests" / place for place in SLOW]
    for item in items:
        if any(item.path.is_relative_to(place) for place in slow):
            item.add_marker(pytest.mark.slow)
        if item.path.is_relative_to(ROOT / "tests" / "browser"):
            item.add_marker(pytest.mark.program("chromium"))
        for mark in item.iter_markers("program"):
            (name,) = mark.args
            if shutil.which(name) is None:
                item.add_marker(pytest.mark.skip(reason=f"the program {name} is not installed"))


def _fail_if_skipped(report: pytest.TestReport | pytest.CollectReport) -> None:
    if ON_CI and report.outcome == "skipped" and not hasattr(report, "wasxfail"):
        reason = report.longrepr[2] if isinstance(report.longrepr, tuple) else report.longrepr
        report.outcome = "failed"
        report.longrepr = f"{report.nodeid} was skipped, and on CI nothing may be: {reason}"


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_runtest_makereport() -> Generator[None, pytest.TestReport, pytest.TestReport]:
    report = yield
    _fail_if_skipped(report)
    return report


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_make_collect_report() -> Generator[None, pytest.CollectReport, pytest.CollectReport]:
    report = yield
    _fail_if_skipped(report)
    return report
