"""wB97X-D/def2-SVP by PySCF with density fitting, engine name `pyscf`: the program of label campaigns.

PySCF evaluates the functional of wB97X-D without its dispersion term, which is added here. It runs in a worker
process under this interpreter.
"""

from __future__ import annotations

import importlib.util
import os
import sys

import numpy as np

from virialff.engines.chai_head_gordon import dispersion
from virialff.engines.dft import CAMPAIGN, DftEngine, DftSettings, ElectronicStructure, with_dispersion
from virialff.engines.worker_process import WorkerProcess
from virialff.errors import EngineError
from virialff.settings import PYSCF_BLAS_VARIABLE, pyscf_blas


class PyscfEngine(DftEngine):
    """wB97X-D/def2-SVP by PySCF; `electronic_structure` gives density and integrals too."""

    name = "pyscf"
    title = "wB97X-D (PySCF)"

    def __init__(
        self,
        settings: DftSettings = CAMPAIGN,
        *,
        energy_settings: DftSettings | None = None,
        threads: int = 1,
        memory_mb: int = 4000,
    ) -> None:
        super().__init__(settings, energy_settings=energy_settings, threads=threads, memory_mb=memory_mb)

    def available(self) -> str | None:
        """None, or the sentence saying that PySCF is missing. Imports nothing."""
        if importlib.util.find_spec("pyscf") is None:
            return "wB97X-D needs the Python package pyscf, which is not installed; install it with `pip install pyscf`"
        return None

    def _make_worker(self) -> WorkerProcess:
        blas = pyscf_blas()
        if blas and not os.path.isfile(blas):
            raise EngineError(
                f"{PYSCF_BLAS_VARIABLE} names {blas}, which is no file; name a libopenblas.so or unset it"
            )
        environment = {"LD_PRELOAD": blas} if blas else {}
        return WorkerProcess(self.title, "pyscf_backend.py", [sys.executable], environment, self.threads)

    def _complete(self, result: ElectronicStructure) -> ElectronicStructure:
        real = ~result.ghosts
        energy, gradient = dispersion(result.numbers[real], result.positions[real])
        of_all = np.zeros_like(result.positions)
        of_all[real] = gradient
        return with_dispersion(result, energy, of_all)
