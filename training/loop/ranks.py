"""Several processes that train one network: each computes its part of every batch, and all take the same step.

The mean losses of a batch are ratios of sums over all of it, so what the processes join are these sums and the
gradients of their own parts: no average of averages, and the losses of one process whatever their number.
"""

from __future__ import annotations

import datetime
import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from typing import TypeVar

import torch
import torch.distributed
from torch import Tensor, nn

from training.loop.stopping import TrainingStopped, reason_of
from training.objectives.losses import Loss

_Result = TypeVar("_Result")
#: How long the processes wait for the first one to validate or to make the packs.
_PATIENCE = datetime.timedelta(hours=6)


class Processes:
    """This process among `size` that train together, on its own device; alone by default."""

    def __init__(self, rank: int = 0, size: int = 1, device: str = "cpu") -> None:
        self.rank, self.size, self.device = rank, size, device

    @property
    def is_first(self) -> bool:
        """Whether this is the process that writes the run folder."""
        return self.rank == 0

    def share(self, sizes: Sequence[int]) -> list[int]:
        """Positions of the records of a batch that this process computes, so that all have about the same to do."""
        if self.size == 1:
            return list(range(len(sizes)))
        loads = [0] * self.size
        mine = []
        for position in sorted(range(len(sizes)), key=lambda index: -sizes[index]):
            lightest = loads.index(min(loads))
            loads[lightest] += sizes[position]
            if lightest == self.rank:
                mine.append(position)
        return sorted(mine)

    def together(self, work: Callable[[], _Result]) -> _Result:
        """What `work` returns here. Raises TrainingStopped in all processes where it fails in one of them."""
        if self.size == 1:
            return work()
        try:
            result = work()
        except Exception as error:
            # Whatever it is: the others would wait for ever.
            self.any(True)
            self._tell(reason_of(error) or f"{type(error).__name__}: {error}")
            raise
        if self.any(False):
            reasons = self._tell(None)
            rank, reason = next((rank, reason) for rank, reason in enumerate(reasons) if reason is not None)
            raise TrainingStopped(f"process {rank} of {self.size} failed: {reason}")
        return result

    def _tell(self, reason: str | None) -> list[str | None]:
        """What each process tells."""
        told: list[str | None] = [None] * self.size
        _attempt(lambda: torch.distributed.all_gather_object(told, reason))
        return told

    def any(self, flag: bool) -> bool:
        """Whether `flag` is true in one of the processes."""
        if self.size == 1:
            return flag
        flags = torch.tensor([float(flag)])
        self._sum(flags)
        return bool(flags.item())

    def join_losses(self, losses: dict[str, Loss], names: Sequence[str]) -> tuple[dict[str, Tensor], dict[str, Tensor]]:
        """The mean losses of the whole batch in two forms: this process's part of each, with its gradient, and all of
        it. `losses` are those of its own records, which may lack some of `names`."""
        if self.size == 1:
            means = {name: losses[name].mean for name in names}
            return means, means
        nothing = Loss(torch.zeros(()), torch.zeros(()))
        own = [losses.get(name, nothing) for name in names]
        sums = torch.tensor([[float(part.total), float(part.weight)] for part in own], dtype=torch.float64)
        self._sum(sums)
        whole = {name: Loss(total, weight).mean for name, (total, weight) in zip(names, sums, strict=True)}
        weights = [1.0 if weight == 0 else float(weight) for weight in sums[:, 1]]
        parts = {name: part.total / weight for name, part, weight in zip(names, own, weights, strict=True)}
        return {name: part for name, part in parts.items() if part.requires_grad}, whole

    def join_gradients(self, parameters: Sequence[nn.Parameter]) -> None:
        """Sum the gradients over all processes; a parameter that has none anywhere gets none."""
        if self.size == 1:
            return
        parts = [torch.zeros_like(x) if x.grad is None else x.grad for x in parameters]
        has = torch.tensor([float(x.grad is not None) for x in parameters]).to(parts[0])
        flat = torch.cat([*(part.reshape(-1) for part in parts), has])
        self._sum(flat)
        *joined, has = flat.split([*(part.numel() for part in parts), len(parts)])
        for parameter, gradient, known in zip(parameters, joined, has.tolist(), strict=True):
            parameter.grad = gradient.view_as(parameter) if known else None

    def copy_from_first(self, tensors: Iterable[Tensor]) -> None:
        """Overwrite `tensors` by those of the first process."""
        for tensor in tensors if self.size > 1 else ():
            _attempt(partial(torch.distributed.broadcast, tensor.detach(), 0))

    def wait(self) -> None:
        """Until all processes are here."""
        self.any(False)

    def _sum(self, tensor: Tensor) -> None:
        _attempt(lambda: torch.distributed.all_reduce(tensor))


def _attempt(collective: Callable[[], object]) -> None:
    try:
        collective()
    except RuntimeError as error:
        raise TrainingStopped(
            "another process of this training has ended, was killed or cannot be reached: start the same command again"
        ) from error


@contextmanager
def joined_processes(device: str) -> Iterator[Processes]:
    """The processes that torchrun started, or this one alone; `device` is cpu or cuda, of which each gets its own."""
    size = int(os.environ.get("WORLD_SIZE", "1"))
    if size == 1:
        yield Processes(device=device)
        return
    if device == "cuda":
        device = f"cuda:{os.environ['LOCAL_RANK']}"
        torch.cuda.set_device(device)
    # Sums of losses and what the processes tell each other stay on the CPU.
    torch.distributed.init_process_group("cpu:gloo,cuda:nccl" if device != "cpu" else "gloo", timeout=_PATIENCE)
    try:
        yield Processes(int(os.environ["RANK"]), size, device)
    finally:
        torch.distributed.destroy_process_group()
