"""From SMILES to force fields: what each stage costs, how the cost grows with atoms, and memory at 1,000 atoms.

Different drug-like molecules of the presets and labels of the training, one thread, seconds of the processor; chains
of a protein for size, as an alkane is all equal atoms, which the networks compute once. `python -m perf.parameters`;
`--whole 10000` takes so many SMILES through two processes, from text to force fields.
"""

from __future__ import annotations

import argparse
import resource
import subprocess
import sys
import time
from collections.abc import Sequence

import torch
from rdkit import Chem

from perf.measure import exponent, machine, markdown_table, smallest_times
from training.recipes.recipe import PRESETS
from virialff import ForceField, Model, Molecule, load_model
from virialff.labels.store import LabelStore
from virialff.molecules import resonance
from virialff.networks.graph import molecule_tensors
from virialff.networks.graph_tensors import collate
from virialff.parameters.distributions import Selection, distribution
from virialff.parameters.many import BATCH, force_fields_of
from virialff.parameters.samples import ParameterSample, sample_parameters

SMILES = PRESETS / "flexible.smi"
LABELS = tuple(PRESETS.parents[1] / "assets" / "data" / f"gfn2_relaxed{suffix}.parquet" for suffix in ("", "_2"))
ROUNDS = 3
#: Ubiquitin, 1,231 atoms.
PROTEIN = "MQIFVKTLTGKTITLEVEPSDTIENVKAKIQDKEGIPPDQQRLIFAGKQLEDGRTLSDYNIQKESTLHLVLRLRGG"
LENGTHS = (2, 4, 8, 16, 32)


def read_smiles(count: int) -> list[str]:
    """`count` SMILES without map numbers, from the first again where there are fewer."""
    lines = [line.split()[0] for line in SMILES.read_text().splitlines() if line.strip() and not line.startswith("#")]
    for path in LABELS:
        for table in LabelStore(path).tables(["smiles"]):
            # Of canonical atom order, as people have them.
            lines += [Molecule.from_smiles(text).smiles for text in table["smiles"].unique().to_pylist()]
    lines = list(dict.fromkeys(lines))
    return [lines[index % len(lines)] for index in range(count)]


def stages(model: Model, smiles: Sequence[str]) -> list[tuple[str, ...]]:
    """Rows of what each stage costs, and what all of them cost together."""
    molecules = [Molecule.from_smiles(line) for line in smiles]
    graphs = [molecule_tensors(molecule) for molecule in molecules]
    batches = [slice(first, first + BATCH) for first in range(0, len(smiles), BATCH)]

    def read() -> list[Molecule]:
        # What is known of a molecule that was read before would not be known of another.
        resonance._free_bonding.cache_clear()
        return [Molecule.from_smiles(line) for line in smiles]

    def networks() -> None:
        with torch.inference_mode():
            for batch in batches:
                model._network(collate(graphs[batch]))

    def whole() -> None:
        read_molecules = read()
        for batch in batches:
            model.force_fields(read_molecules[batch])

    calls = {
        "reading SMILES, with all checks": read,
        "graphs": lambda: [molecule_tensors(molecule) for molecule in molecules],
        f"networks, {BATCH} at once": networks,
        "SMILES to force field": whole,
    }
    costs = {name: 1e3 * seconds / len(smiles) for name, seconds in smallest_times(calls, rounds=ROUNDS).items()}
    return [(name, f"{cost:.1f}", f"{1e3 / cost:,.0f}", f"{2e3 / cost:,.0f}") for name, cost in costs.items()]


def whole(count: int) -> None:
    """Print what `count` SMILES take in two processes, their start with them."""
    smiles = read_smiles(count)
    before, began = _processor_seconds(), time.perf_counter()
    found = sum(isinstance(result, ForceField) for result in force_fields_of(smiles, processes=2))
    elapsed, seconds = time.perf_counter() - began, _processor_seconds() - before
    print(
        f"{found:,} force fields of {count:,} SMILES by two processes: {elapsed:.0f} s on this machine, "
        f"{1e3 * seconds / count:.1f} ms of a processor a molecule, {2 * count / seconds:,.0f} molecules a second "
        "where two are free."
    )


def _processor_seconds() -> float:
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(one.ru_utime + one.ru_stime for one in used)


def chain(residues: int) -> Molecule:
    """The first residues of the protein, neutral."""
    smiles = Chem.MolToSmiles(Chem.MolFromSequence(PROTEIN[:residues]))
    return Molecule.from_smiles(smiles, max_atoms=10_000)


def growth(model: Model) -> list[str]:
    """Chains: the cost of a force field, without reading, against the number of atoms."""
    rows: list[tuple[str, ...]] = [("atoms", "ms")]
    sizes, costs = [], []
    for length in LENGTHS:
        molecule = chain(length)
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
    molecule = chain(len(PROTEIN))
    started = time.process_time()
    model.force_field(molecule)
    seconds = time.process_time() - started
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024**2
    print(
        f"{molecule.n_atoms:,} atoms: {seconds:.1f} s and {peak:.2f} GiB at its peak, of which {before:.2f} GiB are "
        "the library and the model."
    )


def filters(model: Model, smiles: Sequence[str], wanted: int) -> list[tuple[str, ...]]:
    """Rows of what page Parameters does with so many pairs: molecules are taken again and again until there are."""
    part = sample_parameters(model, [Molecule.from_smiles(line) for line in smiles])
    sample = ParameterSample.join([part] * -(-wanted // part.n_pairs))
    rows: list[tuple[str, ...]] = [("pairs", "molecules", "narrowed to", "s, first", "s, again")]
    for words, selection in (
        ("nothing", Selection(None, "", "")),
        ("one relation", Selection("1-4", "", "")),
        ("one SMARTS", Selection(None, "[OX2H]", "")),
        ("two SMARTS and a relation", Selection("further", "[#6X3]", "[#7,#8]")),
    ):
        seconds = []
        for _ in range(2):
            started = time.process_time()
            distribution({"model": sample}, "sigma", selection=selection, by="element", groups=("C–C", "C–H"))
            seconds.append(time.process_time() - started)
        rows.append((f"{sample.n_pairs:,}", f"{sample.n_molecules:,}", words, *(f"{value:.2f}" for value in seconds)))
    return rows


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--count", type=int, default=256, help="SMILES of the stages (default %(default)s)")
    parser.add_argument("--whole", type=int, metavar="COUNT", help="so many SMILES from text to force fields alone")
    parser.add_argument("--large", action="store_true", help="a molecule of 1,231 atoms alone")
    parser.add_argument("--pairs", type=int, help="narrow a distribution of so many pairs, and nothing else")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    if arguments.large:
        large()
        return
    if arguments.whole:
        whole(arguments.whole)
        return
    model = load_model()
    smiles = read_smiles(arguments.count)
    if arguments.pairs is not None:
        print(f"One thread; {machine('numpy', 'rdkit')}.\n")
        print(markdown_table(filters(model, smiles, arguments.pairs)))
        return
    atoms = sum(Molecule.from_smiles(line).n_atoms for line in smiles) / len(smiles)
    print(f"{len(smiles):,} drug-like SMILES, {atoms:.0f} atoms each, one thread; {machine('torch', 'rdkit')}.\n")
    head = ("stage", "ms a molecule", "molecules a second, one core", "two cores, a process each")
    print(markdown_table([head, *stages(model, smiles)]), flush=True)
    print()
    print("\n".join(growth(model)), flush=True)
    print()
    for further in (["--large"], ["--whole", "1000"]):
        subprocess.run([sys.executable, "-m", "perf.parameters", *further], check=True)
        print(flush=True)


if __name__ == "__main__":
    main()
