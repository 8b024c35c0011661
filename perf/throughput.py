"""Parameters and energies a second by the model, and energies a second by GFN2-xTB and ANI on the same conformers.

All on one thread of the CPU, in one run, on the same molecules. Run by `make perf`.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from functools import partial

import torch

import virialff
from perf.browser import table
from virialff import Molecule
from virialff.conformers.generation import generate
from virialff.engines import ENGINES, Engine, get_engine
from virialff.errors import EngineError

#: Of H, C, N and O only, which every ANI model knows.
SMILES = (
    "CC(=O)Oc1ccccc1C(=O)O",
    "Cn1cnc2c1c(=O)n(C)c(=O)n2C",
    "CC(C)Cc1ccc(cc1)C(C)C(=O)O",
    "C[C@H](N)C(=O)N[C@@H](CO)C(=O)NCC(=O)OC",
    "COc1ccc(CCN(C)CCCC(C#N)(C(C)C)c2ccc(OC)c(OC)c2)cc1OC",
    "CN1CCC[C@H]1c1cccnc1",
)
CONFORMERS = 20
BATCH = 32
SECONDS = 3.0


def rate(call: Callable[[], object], items: int) -> float:
    """Items a second: `call`, which handles `items` of them, repeated for at least SECONDS after a first round."""
    call()
    start = time.perf_counter()
    rounds = 0
    while time.perf_counter() - start < SECONDS:
        call()
        rounds += 1
    return items * rounds / (time.perf_counter() - start)


def engine_energies(engine: Engine, molecules: list[Molecule]) -> None:
    """Energies of all conformers of all molecules."""
    for molecule in molecules:
        engine.energy(molecule, molecule.positions)


def main() -> None:
    torch.set_num_threads(1)
    model = virialff.load_model()
    molecules = [generate(Molecule.from_smiles(smiles), n_conformers=CONFORMERS, seed=1) for smiles in SMILES]
    total = sum(molecule.n_conformers for molecule in molecules)
    atoms = sum(molecule.n_atoms * molecule.n_conformers for molecule in molecules) / total
    batch = (molecules * BATCH)[:BATCH]
    force_fields = model.force_fields(molecules)
    pairs = list(zip(force_fields, molecules, strict=True))

    own = rate(lambda: [force_field.energy(molecule.positions) for force_field, molecule in pairs], total)
    own_forces = rate(lambda: [force_field.forces(molecule.positions) for force_field, molecule in pairs], total)
    single = rate(lambda: [model.force_field(molecule) for molecule in molecules], len(molecules))
    batched = rate(lambda: model.force_fields(batch), BATCH)
    rows = [
        ("what", "a second", "model is faster by"),
        ("model: parameters, one by one", f"{single:.0f} molecules", ""),
        (f"model: parameters, batches of {BATCH}", f"{batched:.0f} molecules", ""),
        ("model: energies", f"{own:.0f} conformers", ""),
        ("model: energies and forces", f"{own_forces:.0f} conformers", ""),
    ]
    for name in ENGINES:
        engine = get_engine(name)
        reason = engine.available()
        if reason is not None:
            rows.append((f"{name}: not measured: {reason}", "", ""))
            continue
        for molecule in molecules:
            if (lack := engine.unsupported(molecule)) is not None:
                raise EngineError(f"{name} cannot be compared on these molecules: {lack}")
        theirs = rate(partial(engine_energies, engine, molecules), total)
        rows.append((f"{name}: energies ({engine.level})", f"{theirs:.0f} conformers", f"{own / theirs:.0f} x"))
    print(
        table(f"Throughput, one thread: {total} conformers of {len(molecules)} molecules, {atoms:.0f} atoms each", rows)
    )


if __name__ == "__main__":
    main()
