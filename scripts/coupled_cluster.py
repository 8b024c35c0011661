"""Write the CCSD(T)/CBS interaction energies of S66 and the base pairs, from psi4-data, into assets/evaluation/."""

from __future__ import annotations

import csv

from virialff.benchmarks.psi4_databases import PAIRS, read_database
from virialff.benchmarks.reference_data import COLUMNS, COUPLED_CLUSTER_FILE


def main() -> None:
    """One row a complex, geometry of the set itself; energies negative = bound."""
    chosen = [*read_database("S66")]
    for pair, places in PAIRS.items():
        for database, index in places:
            item = next(entry for entry in read_database(database) if entry.index == index)
            chosen.append(item)
            print(f"{pair}: {item.label}")
    with COUPLED_CLUSTER_FILE.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(COLUMNS)
        for item in chosen:
            writer.writerow([item.database, item.index, item.name, item.category, f"{item.interaction_energy:.3f}"])
    print(f"{COUPLED_CLUSTER_FILE.name}: {len(chosen)} complexes")


if __name__ == "__main__":
    main()
