"""Force fields of very many SMILES: each process reads, makes graphs and runs the networks of its own batches."""

from __future__ import annotations

import itertools
import os
from collections import deque
from collections.abc import Generator, Iterable
from concurrent.futures import Future, ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch

from virialff.errors import EngineError, MoleculeError
from virialff.models.force_field import ForceField, Model
from virialff.models.registry import load_model
from virialff.molecules.checks import DEFAULT_MAX_ATOMS
from virialff.molecules.molecule import Molecule
from virialff.potential.parameters import PairParameters

#: SMILES that go through the networks together.
BATCH = 32
# Batches that wait for each process, so that none of them does.
_AHEAD = 3

_model: Model | None = None


class _Sent(NamedTuple):
    """A force field as arrays: tensors between processes take a file descriptor each."""

    molecule: Molecule
    arrays: tuple[np.ndarray, ...]
    weight: float
    threshold: float | None
    baseline: float


def force_fields_of(
    smiles: Iterable[str],
    *,
    model: str | Path | None = None,
    processes: int | None = None,
    max_atoms: int = DEFAULT_MAX_ATOMS,
) -> Generator[ForceField | MoleculeError | EngineError, None, None]:
    """The force field of each SMILES, or the reason why there is none, in order.

    Parameters
    ----------
    smiles : iterable of str
        As `Molecule.from_smiles` reads them; taken as they are needed, so that there may be any number.
    model : str or Path, optional
        As `load_model` takes it.
    processes : int, optional
        Processes beside this one, of one thread each; as many as there are processors by default.
    max_atoms : int, optional
        Larger molecules are refused.

    Yields
    ------
    ForceField or MoleculeError or EngineError
        The same as `Model.force_field` gives or raises.

    Raises
    ------
    VirialffError
        If the model cannot be loaded.

    See Also
    --------
    Model.force_fields : One batch, in this process.
    """
    card = load_model(model).card
    processes = processes or os.cpu_count() or 1
    lines = iter(smiles)
    waiting: deque[Future[list[_Sent | MoleculeError | EngineError]]] = deque()
    with ProcessPoolExecutor(processes, get_context("spawn"), _begin, (model,)) as pool:
        try:
            while True:
                while len(waiting) < _AHEAD * processes and (batch := list(itertools.islice(lines, BATCH))):
                    waiting.append(pool.submit(_compute, batch, max_atoms))
                if not waiting:
                    return
                for result in waiting.popleft().result():
                    yield _received(result, card) if isinstance(result, _Sent) else result
        finally:
            pool.shutdown(cancel_futures=True)


def _begin(name: str | Path | None) -> None:
    global _model
    torch.set_num_threads(1)
    _model = load_model(name)


def _compute(smiles: list[str], max_atoms: int) -> list[_Sent | MoleculeError | EngineError]:
    assert _model is not None
    results: list[_Sent | MoleculeError | EngineError | None] = []
    molecules: list[Molecule] = []
    for text in smiles:
        try:
            molecules.append(Molecule.from_smiles(text, max_atoms=max_atoms))
        except MoleculeError as error:
            results.append(error)
        else:
            results.append(None)
    found = iter(_force_fields(_model, molecules))
    return [next(found) if result is None else result for result in results]


def _force_fields(model: Model, molecules: list[Molecule]) -> list[_Sent | MoleculeError | EngineError]:
    try:
        return [_sent(force_field) for force_field in model.force_fields(molecules)]
    except (MoleculeError, EngineError) as error:
        # One by one, to find which.
        return [error] if len(molecules) == 1 else [_force_fields(model, [one])[0] for one in molecules]


def _sent(force_field: ForceField) -> _Sent:
    of = force_field.parameters
    arrays = tuple(tensor.cpu().numpy() for tensor in (of.charges, of.pair_index, of.bonded, of.coefficients))
    return _Sent(force_field.molecule, arrays, of.weight, of.threshold, force_field.baseline)


def _received(sent: _Sent, card: dict[str, Any]) -> ForceField:
    charges, pair_index, bonded, coefficients = map(torch.from_numpy, sent.arrays)
    nothing = torch.zeros(len(bonded), dtype=torch.int64)
    parameters = PairParameters(
        charges, pair_index, bonded, coefficients, nothing, 1, weight=sent.weight, threshold=sent.threshold
    )
    return ForceField(sent.molecule, parameters, sent.baseline, card)
