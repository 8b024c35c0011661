"""Force fields of very many SMILES: each process reads, makes graphs and runs the networks of its own batches."""

from __future__ import annotations

import itertools
import signal
from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator
from concurrent.futures import wait
from contextlib import contextmanager
from functools import lru_cache, partial
from multiprocessing import resource_tracker
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

import numpy as np
import torch
from loky import BrokenProcessPool, Future, ProcessPoolExecutor, cpu_count
from loky.backend import get_context

from virialff import children
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
# What is begun may come to its end where the work is given up.
_GRACE_SECONDS = 5.0
# One thread each. No module is taken from the folder where the user happens to be.
_ENVIRONMENT = {"OMP_NUM_THREADS": "1", "PYTHONSAFEPATH": "1"}
# This process answers these, and ends the others.
_NOT_THEIRS = {signal.SIGINT, signal.SIGTERM}

_Given = TypeVar("_Given")
_Found = TypeVar("_Found")


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

    It may be called by a script without `if __name__ == "__main__"`, in a notebook and in an app: the processes do not
    run the main module again. They end with this one, also when it is killed.

    Parameters
    ----------
    smiles : iterable of str
        As `Molecule.from_smiles` reads them; taken as they are needed, so that there may be any number.
    model : str or Path, optional
        As `load_model` takes it.
    processes : int, optional
        Processes beside this one, of one thread each; by default as many as there are processors for this one.
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
    EngineError
        If one of the processes ends before its work does, as where memory is short.

    See Also
    --------
    Model.force_fields : One batch, in this process.
    """
    card = load_model(model).card
    lines = iter(smiles)
    batches = iter(lambda: list(itertools.islice(lines, BATCH)), [])
    for batch in in_processes(partial(_compute, model=model, max_atoms=max_atoms), batches, processes=processes):
        yield from (_received(result, card) if isinstance(result, _Sent) else result for result in batch)


def in_processes(
    compute: Callable[[_Given], _Found], batches: Iterator[_Given], *, processes: int | None = None
) -> Generator[_Found, None, None]:
    """What a function of a module gives for each batch, in order, computed in processes as in `force_fields_of`."""
    processes = processes or cpu_count()
    waiting: deque[Future[_Found]] = deque()
    pool = ProcessPoolExecutor(
        processes,
        context=get_context("loky"),
        initializer=_begin,
        initargs=(children.lifeline(),),
        env=_ENVIRONMENT,
    )
    # Where Python starts this process of its own it unblocks signals, which the others would inherit.
    resource_tracker.ensure_running()
    try:
        while True:
            for batch in itertools.islice(batches, _AHEAD * processes - len(waiting)):
                with _not_theirs(), children.undisturbed():
                    waiting.append(pool.submit(compute, batch))
            if not waiting:
                return
            found = waiting[0].result()
            waiting.popleft()
            yield found
    except BrokenProcessPool as error:
        raise EngineError(
            "one of the processes that compute parameters was ended from outside; where memory is short, try fewer "
            "processes"
        ) from error
    finally:
        # One that is killed while it sends a result would leave this process waiting for the rest of it.
        begun = [future for future in waiting if not future.cancel()]
        pool.shutdown(kill_workers=bool(wait(begun, timeout=_GRACE_SECONDS).not_done))


@contextmanager
def _not_theirs() -> Iterator[None]:
    """Processes that are started in this block have signals blocked that go to all of a terminal or a job."""
    before = signal.pthread_sigmask(signal.SIG_BLOCK, _NOT_THEIRS)
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _begin(line: str) -> None:
    children.end_with(line, signal.SIGKILL)
    torch.set_num_threads(1)


#: The model that a process computes with.
loaded = lru_cache(maxsize=1)(load_model)


def _compute(smiles: list[str], model: str | Path | None, max_atoms: int) -> list[_Sent | MoleculeError | EngineError]:
    results: list[_Sent | MoleculeError | EngineError | None] = []
    molecules: list[Molecule] = []
    for text in smiles:
        try:
            molecules.append(Molecule.from_smiles(text, max_atoms=max_atoms))
        except MoleculeError as error:
            results.append(error)
        else:
            results.append(None)
    found = iter(_force_fields(loaded(model), molecules))
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
