"""wB97X-D/def2-SVP by Psi4 1.3 or later, engine name `psi4`: the program that labels are checked against.

Psi4 is not on the package index: Debian and conda have it, for a Python of their own. The command `psi4` on the
PATH says which, and a worker runs under that.
"""

from __future__ import annotations

import functools
import os
import re
import shutil
import subprocess
from pathlib import Path

from virialff.engines.dft import REFERENCE, DftEngine, DftSettings
from virialff.engines.worker_process import WorkerProcess
from virialff.errors import EngineError


@functools.cache
def find_psi4(command: str = "psi4") -> tuple[str, dict[str, str]]:
    """The Python that has Psi4, and the environment in which `import psi4` works there.

    Asks the program itself by its option --psiapi-path. Raises EngineError if it is not on the PATH or the answer
    is not understood.
    """
    program = shutil.which(command)
    if program is None:
        raise EngineError(
            "wB97X-D by Psi4 needs the program psi4, which is not on the PATH; install Debian's package psi4 or conda's"
        )
    try:
        answer = subprocess.run([program, "--psiapi-path"], capture_output=True, text=True, check=True, timeout=60)
    except (OSError, subprocess.SubprocessError) as error:
        raise EngineError(f"the program {program} does not answer to --psiapi-path: {error}") from error
    folders = re.search(r"export PATH=([^:\n]+)", answer.stdout)
    modules = re.search(r"export PYTHONPATH=([^:\n]+)", answer.stdout)
    if folders is None or modules is None:
        raise EngineError(f"the program {program} gave an answer to --psiapi-path that names no Python; is it Psi4?")
    python = Path(folders[1]) / "python3"
    environment = {"PYTHONPATH": os.path.normpath(modules[1])}
    data = Path(program).resolve().parent.parent / "share" / "psi4"
    if "PSIDATADIR" not in os.environ and data.is_dir():
        environment["PSIDATADIR"] = str(data)
    return str(python), environment


class Psi4Engine(DftEngine):
    """wB97X-D/def2-SVP by Psi4; `electronic_structure` gives density and integrals too."""

    name = "psi4"
    title = "wB97X-D (Psi4)"

    def __init__(self, settings: DftSettings = REFERENCE, *, threads: int = 1, memory_mb: int = 4000) -> None:
        if settings.pruning != "none":
            raise EngineError(f"Psi4 does not know the grid pruning {settings.pruning!r}; its settings need 'none'")
        if settings.density_fitting not in (None, "def2-svp-jkfit"):
            raise EngineError(f"Psi4's def2-SVP is fitted with def2-svp-jkfit, not with {settings.density_fitting!r}")
        super().__init__(settings, threads=threads, memory_mb=memory_mb)

    def available(self) -> str | None:
        """None, or one sentence saying that Psi4 is missing. Asks the program where its modules are, once."""
        try:
            find_psi4()
        except EngineError as error:
            return str(error)
        return None

    def _make_worker(self) -> WorkerProcess:
        python, environment = find_psi4()
        return WorkerProcess(self.title, "psi4_backend.py", [python], environment, self.threads)
