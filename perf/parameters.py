"""From SMILES to force fields: what each stage costs, how the cost grows with atoms, and memory at 1,000 atoms.

Drug-like SMILES of the training presets, one thread, seconds of the processor. `python -m perf.parameters`
"""

from __future__ import annotations

import argparse
import resource
import subprocess
import sys
import time
from collections.abc import Sequence
from itertools import pairwise

import torch

from perf.measure import exponent, machine, markdown_table
from training.recipes.recipe import PRESETS
from virialff import Model, Molecule, load_model
from virialff.networks.graph import molecule_tensors
from virialff.networks.graph_tensors import collate

SMILES = PRESETS / "flexible.smi"
BATCH = 8
LARGE = 333  # carbon atoms of an alkane of 1,001 atoms
LENGTHS = (8, 16, 32, 64, 128)


def read_smiles(count: int) -> list[str]:
    """`count` SMILES of the preset's pool, from its beginning again where that has fewer."""
    lines = [line.split()[0] for line in SMILES.read_text().splitlines() if line.strip() and not line.startswith("#")]
    return [lines[index % len(lines)] for index in range(count)]


def stages(model: Model, smiles: Sequence[str]) -> list[tuple[str, ...]]:
    """Rows of what each stage costs, and what all of them cost together."""
    model.force_fields([Molecule.from_smiles(smiles[0])])
    clock = [time.process_time()]
    molecules = [Molecule.from_smiles(line) for line in smiles]
    clock.append(time.process_time())
    graphs = [molecule_tensors(molecule) for molecule in molecules]
    clock.append(time.process_time())
    with torch.inference_mode():
        for first in range(0, len(graphs), BATCH):
            model._network(collate(graphs[first : first + BATCH]))
    clock.append(time.process_time())
    for first in range(0, len(molecules), BATCH):
        model.force_fields(molecules[first : first + BATCH])
    clock.append(time.process_time())
    read, graph, network, fields = (1e3 * (after - before) / len(smiles) for before, after in pairwise(clock))
    whole = read + fields
    rows = [
        ("reading SMILES, with all checks", read),
        ("graphs", graph),
        (f"networks, {BATCH} at once", network),
        ("SMILES to force field", whole),
    ]
    return [(name, f"{cost:.1f}", f"{1e3 / cost:,.0f}", f"{2e3 / cost:,.0f}") for name, cost in rows]


def growth(model: Model) -> list[str]:
    """Alkanes: the cost of a force field, without reading, against the number of atoms."""
    rows: list[tuple[str, ...]] = [("atoms", "ms")]
    sizes, costs = [], []
    for length in LENGTHS:
        molecule = Molecule.from_smiles("C" * length, max_atoms=10_000)
        best = float("inf")
        for _ in range(3):
            started = time.process_time()
            model.force_field(molecule)
            best = min(best, time.process_time() - started)
        sizes.append(molecule.n_atoms)
        costs.append(best)
        rows.append((str(molecule.n_atoms), f"{1e3 * best:.1f}"))
    power = exponent(sizes[-3:], costs[-3:])
    return [markdown_table(rows), "", f"The cost grows with the number of atoms to the power {power:.2f}."]


def large() -> None:
    """Print what a force field of a large molecule costs; in a process of its own, for its memory."""
    model = load_model()
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024**2
    molecule = Molecule.from_smiles("C" * LARGE, max_atoms=10_000)
    started = time.process_time()
    model.force_field(molecule)
    seconds = time.process_time() - started
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024**2
    print(
        f"{molecule.n_atoms:,} atoms: {seconds:.1f} s and {peak:.2f} GiB at its peak, of which {before:.2f} GiB are "
        "the library and the model."
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--count", type=int, default=1000, help="SMILES (default %(default)s)")
    parser.add_argument("--large", action="store_true", help=f"an alkane of {3 * LARGE + 2:,} atoms alone")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    if arguments.large:
        large()
        return
    model = load_model()
    smiles = read_smiles(arguments.count)
    atoms = sum(Molecule.from_smiles(line).n_atoms for line in smiles[:50]) / min(50, len(smiles))
    print(
        f"{len(smiles):,} SMILES of {SMILES.name}, {atoms:.0f} atoms each, one thread; {machine('torch', 'rdkit')}.\n"
    )
    head = ("stage", "ms a molecule", "molecules a second, one core", "two cores, a process each")
    print(markdown_table([head, *stages(model, smiles)]), flush=True)
    print()
    print("\n".join(growth(model)), flush=True)
    print()
    subprocess.run([sys.executable, "-m", "perf.parameters", "--large"], check=True)


if __name__ == "__main__":
    main()
