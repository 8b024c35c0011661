"""What the page Data computes in worker processes. Imports no Streamlit."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

from pages.components.shell.worker import Report
from training.labelling.config import load_campaign
from training.labelling.plan.estimate import CampaignEstimate, estimate
from virialff.labels.check import CheckResult, check
from virialff.labels.splits import Fractions
from virialff.labels.statistics import DatasetStatistics, dataset_statistics
from virialff.labels.store import LabelStore
from virialff.labels.summary import StoreSummary, summarise
from virialff.text import counted


class Contents(NamedTuple):
    """What is in a store: counts, and statistics by level of theory."""

    summary: StoreSummary
    statistics: dict[str, DatasetStatistics]


def contents(report: Report, path: str, seed: int, fractions: Fractions) -> Contents:
    """Both countings of a store, one after the other."""
    store = LabelStore(path, passed_over=[])
    n_rows = store.n_rows()
    summary = summarise(path, progress=lambda done: report(done, 2 * n_rows, f"{done:,} of {counted(n_rows, 'row')}"))
    statistics = {}
    if summary.levels:
        statistics = dataset_statistics(
            store,
            seed=seed,
            fractions=fractions,
            progress=lambda done: report(n_rows + done, 2 * n_rows, f"{done:,} of {counted(n_rows, 'row')} in splits"),
        )
    return Contents(summary, statistics)


def estimate_campaign(report: Report, path: str) -> CampaignEstimate:
    """`estimate` of the campaign in this file."""
    config = load_campaign(Path(path))
    report(0, 0, "")
    return estimate(config, say=lambda line: report(0, 0, line))


def check_store(report: Report, path: str) -> CheckResult:
    """`labels.check` of a store."""
    n_rows = LabelStore(path, passed_over=[]).n_rows()
    return check(Path(path), progress=lambda done: report(done, n_rows, f"{done:,} of {counted(n_rows, 'row')}"))
