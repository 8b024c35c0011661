"""Elements, molecule sizes and energies per atom of a label store, by split and level of theory (Fig. 1 to 3).

The split goes by the first block of the InChIKey and is the one that training makes with the same seed. With --output
the tables are written as CSV and the figures as HTML, with --images as PNG and SVG too.
"""

from __future__ import annotations

import argparse
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

from virialff.commands import ExitCode
from virialff.commands.messages import say
from virialff.commands.output import require_folder
from virialff.commands.report import plain
from virialff.errors import ConfigError, EngineError
from virialff.text import counted

if TYPE_CHECKING:
    from virialff.labels.statistics import DatasetStatistics

SUMMARY = "elements, sizes and energies per atom of a label store, by split"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("store", metavar="STORE", help="folder of a label store, or one of its Parquet files")
    parser.add_argument("--split", choices=("default", "paper"), default="default", help="fractions (default 80/10/10)")
    parser.add_argument("--seed", type=int, default=0, help="seed of the split (default %(default)s)")
    parser.add_argument("--kind", action="append", metavar="KIND", help="only rows of this kind; may be given again")
    parser.add_argument(
        "-o", "--output", metavar="FOLDER", help="write tables (CSV) and figures (HTML) into this folder"
    )
    parser.add_argument("--images", action="store_true", help="the figures as PNG and SVG too; needs kaleido")


def run(arguments: argparse.Namespace) -> int:
    from virialff.labels.schema import KINDS
    from virialff.labels.splits import NAMED_FRACTIONS
    from virialff.labels.statistics import dataset_statistics
    from virialff.labels.store import LabelStore

    if arguments.output is not None:
        require_folder(arguments.output)
    unknown = sorted(set(arguments.kind or ()) - set(KINDS))
    if unknown:
        raise ConfigError(f"there is no kind {unknown[0]!r}; choose from {', '.join(KINDS)}")
    found = dataset_statistics(
        LabelStore(arguments.store),
        seed=arguments.seed,
        fractions=NAMED_FRACTIONS[arguments.split],
        kinds=arguments.kind,
    )
    for statistics in found.values():
        print(as_text(statistics), end="\n\n", flush=True)
    if arguments.output is not None:
        folder = Path(arguments.output)
        try:
            folder.mkdir(parents=True, exist_ok=True)
            drawn = [write(statistics, folder) for statistics in found.values()]
        except OSError as error:
            raise ConfigError(f"{folder} cannot be written: {error.strerror or error}") from error
        say(f"wrote tables and figures into {folder}")
        if arguments.images:
            write_images({path: figure for figures in drawn for path, figure in figures.items()})
    return ExitCode.OK


def as_text(statistics: DatasetStatistics) -> str:
    """A heading, an overview of the parts and the elements of each."""
    overview = statistics.overview()
    elements = statistics.element_table()
    holders = elements.pivot(index="split", columns="element", values="molecules_with_element_percent")
    order = list(dict.fromkeys(elements["element"]))
    shares = holders.loc[list(statistics.splits), order].reset_index()
    failures = f", {counted(statistics.n_failures, 'failure')}" if statistics.n_failures else ""
    heading = f"{statistics.level_of_theory}: split with seed {statistics.seed}{failures}"
    return "\n".join([heading, plain(overview), "", "molecules that hold an element, %", plain(shares)])


def write(statistics: DatasetStatistics, folder: Path) -> dict[Path, Any]:
    """The tables and figures of one level of theory, whose name begins theirs; Plotly figures by path without suffix.

    Raises OSError.
    """
    from virialff.figures import datasets
    from virialff.parameters.tables import to_csv

    prefix = re.sub(r"[^a-z0-9]+", "-", statistics.level_of_theory.lower()).strip("-")
    tables = {
        "overview": statistics.overview(),
        "elements": statistics.element_table(),
        "element_counts": statistics.element_count_table(),
        "sizes": statistics.size_table(),
        "energies_per_atom": statistics.energy_table(),
    }
    for name, table in tables.items():
        (folder / f"{prefix}_{name}.csv").write_text(to_csv(table), encoding="utf-8")
    drawn = {
        "elements": datasets.element_count_figure(statistics),
        "sizes": datasets.molecule_size_figure(statistics),
        "energies_per_atom": datasets.energy_per_atom_figure(statistics),
    }
    for name, figure in drawn.items():
        figure.write_html(folder / f"{prefix}_{name}.html", include_plotlyjs="directory")
    return {folder / f"{prefix}_{name}": figure for name, figure in drawn.items()}


def write_images(figures: dict[Path, Any]) -> None:
    """PNG and SVG of figures by their paths without a suffix, all with one browser. Raises EngineError without one."""
    import plotly.io

    drawn = [(figure, path.with_suffix(f".{form}")) for path, figure in figures.items() for form in ("png", "svg")]
    try:
        plotly.io.write_images(fig=[figure for figure, _ in drawn], file=[path for _, path in drawn], width=900)
    except (ValueError, RuntimeError, ImportError) as error:
        lines = [line.strip() for line in str(error).splitlines() if line.strip()]
        reason = lines[0].rstrip(":.") if lines else type(error).__name__
        raise EngineError(
            f"the figures were written as HTML only: PNG and SVG need Chromium and `pip install kaleido` ({reason})"
        ) from error
