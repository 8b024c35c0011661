"""How many labelled geometries each pair of tolerances for broken and formed bonds calls changed, as a Markdown table.

    python scripts/bond_tolerances.py assets/data/*.parquet

A geometry is of its molecule by how it was made, so each one called changed is a false alarm, but for molecules that
are pushed together on purpose. What a tolerance for formed bonds misses is counted on the bonds that the minima have.
"""

from __future__ import annotations

import sys
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from virialff.labels.schema import Label, from_table
from virialff.labels.store import read_file
from virialff.molecules.changes import BROKEN, FORMED, bond_ratios

TRIED_BROKEN = (1.20, 1.30, 1.40, 1.45)
TRIED_FORMED = (1.00, 1.05, 1.10, 1.15, 1.20)
#: Rows of the table: how a geometry was made.
KINDS = ("minima", "displaced by 0.04 A", "displaced by 0.08 A", "torsion scans", "complexes", "pulled apart", "pushed")


def kind_of(label: Label) -> str:
    """The row of the table in which a geometry counts."""
    by_detail = {"pushed": "pushed", "scan": "pulled apart", "distorted": "displaced by 0.08 A", "relaxed": "minima"}
    by_kind = {
        "minimum": "minima",
        "displaced": "displaced by 0.04 A",
        "scan": "torsion scans",
        "complex": "complexes",
    }
    return by_detail.get(label.detail, by_kind[label.kind])


def geometries(files: list[Path]) -> Iterator[tuple[Label, NDArray[np.float64]]]:
    """Each row with a geometry of two atoms or more, and that geometry."""
    for file in files:
        for table in read_file(file):
            for label in from_table(table):
                if label.positions is not None and label.n_atoms > 1:
                    yield label, label.positions


def main(files: list[Path]) -> None:
    """Print the table."""
    longest = defaultdict(list)
    nearest = defaultdict(list)
    at_minima = []
    for label, positions in geometries(files):
        ratios = bond_ratios(label.numbers, positions)
        i, j = label.bonds.T
        kind = kind_of(label)
        longest[kind].append(ratios[i, j].max(initial=0.0))
        if label.kind == "minimum":
            at_minima.append(ratios[i, j])
        ratios[i, j] = ratios[j, i] = np.inf
        np.fill_diagonal(ratios, np.inf)
        nearest[kind].append(ratios.min())
    bonds = np.concatenate(at_minima)
    head = [*(f"broken > {limit:.2f}" for limit in TRIED_BROKEN), *(f"formed < {limit:.2f}" for limit in TRIED_FORMED)]
    print(f"| geometries | n | {' | '.join(head)} |")
    print(f"|---|---|{'---|' * len(head)}")
    for kind in KINDS:
        counts = [sum(value > limit for value in longest[kind]) for limit in TRIED_BROKEN]
        counts += [sum(value < limit for value in nearest[kind]) for limit in TRIED_FORMED]
        print(f"| {kind} | {len(longest[kind]):,} | {' | '.join(f'{count:,}' for count in counts)} |")
    missed = [f"{100 * np.mean(bonds >= limit):.3f} %" for limit in TRIED_FORMED]
    print(f"| bonds at minima that it misses | {len(bonds):,} |{' |' * len(TRIED_BROKEN)} {' | '.join(missed)} |")
    print(f"\nChosen: broken beyond {BROKEN:.2f}, formed within {FORMED:.2f}.")


if __name__ == "__main__":
    main([Path(name) for name in sys.argv[1:]])
