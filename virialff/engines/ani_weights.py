"""Finding the weights of an ANI potential: on disk, by TorchANI's own download, or in a wheel of the package index.

The order is `find_local` (a folder named by the user, then what TorchANI keeps in its data folder), then `fetch`:
TorchANI's download of ANI-2x, and where that cannot be reached ANI-1x, which the wheel of torchani 2.0 carries.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
import tempfile
import threading
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from virialff.errors import EngineError
from virialff.settings import ANI_WEIGHTS_VARIABLE, ani_weights, cache_folder

AniName = Literal["ANI-2x", "ANI-1x", "ANI-1ccx"]

WHEEL = "torchani-2.0-py3-none-any.whl"
WHEEL_SHA256 = "87db70affc847c3aa26081607166580a6e6b01f33e09218e2c5b26f66b45ed89"

# Name of the NeuroChem folder and of TorchANI's state dict, best model first.
_FILES: dict[AniName, tuple[str, str]] = {
    "ANI-2x": ("ani-2x_8x", "ani2x_state_dict.pt"),
    "ANI-1x": ("ani-1x_8x", "ani1x_state_dict.pt"),
    "ANI-1ccx": ("ani-1ccx_8x", "ani1ccx_state_dict.pt"),
}
_MEMBERS = 8
#: How to get ANI-2x where another potential stands in for it.
ANI2X_ADVICE = (
    "for ANI-2x, put its weights (ani2x_state_dict.pt of TorchANI, or the folder ani-2x_8x of aiqm/ani-model-zoo) "
    f"somewhere and name the folder in {ANI_WEIGHTS_VARIABLE}"
)

# TorchANI asks huggingface.co first; reaching it is tried before the download so that a machine without a network,
# or behind a wall that drops packets, waits seconds and not minutes.
_PROBE = "import urllib.request; urllib.request.urlopen('https://huggingface.co/robots.txt', timeout=5).close()"
_PROBE_SECONDS = 8
_DOWNLOAD = "import torchani; torchani.models.ANI2x()"
_DOWNLOAD_SECONDS = 300
_WHEEL_SECONDS = 180


@dataclass(frozen=True)
class AniWeights:
    """Weights of one ANI ensemble on disk: a NeuroChem folder (`train0` ... `train7`) or a state dict of TorchANI."""

    name: AniName
    path: Path
    origin: str  #: where they come from, for people

    @property
    def is_neurochem(self) -> bool:
        """True for a NeuroChem folder, False for a state dict file."""
        return self.path.is_dir()


def torchani_folder() -> Path:
    """Where TorchANI keeps its data: `$TORCHANI_DATA_DIR`, by default `~/.local/share/Torchani`."""
    return Path(os.environ.get("TORCHANI_DATA_DIR") or Path.home() / ".local" / "share" / "Torchani")


def weights_in(folder: str | Path) -> AniWeights:
    """The best ANI ensemble in a folder, or the state dict of that file name.

    Accepted are a NeuroChem folder such as `ani-2x_8x`, a folder or a `resources` folder that holds one, and
    TorchANI's state dict (`ani2x_state_dict.pt`) or a folder that holds it. NeuroChem files are evaluated as Python
    by TorchANI's reader: point this only at files you trust.

    Raises EngineError if the folder does not exist or holds no complete ensemble.
    """
    path = Path(folder).expanduser()
    if not path.exists():
        raise EngineError(f"the folder of ANI weights {path} does not exist; correct {ANI_WEIGHTS_VARIABLE}")
    found = next(_ensembles(path, f"the folder {path}"), None)
    if found is None:
        neurochem, state_dict = _FILES["ANI-2x"]
        raise EngineError(
            f"{path} holds no ANI weights: expected a NeuroChem folder such as {neurochem} with train0 to "
            f"train{_MEMBERS - 1}, or TorchANI's {state_dict}"
        )
    return found


def find_local() -> AniWeights | None:
    """Weights that are on this machine, without any download; None if there are none.

    The user's folder comes first, then TorchANI's own cache. The ANI-1x of the wheel is not looked for here,
    because ANI-2x by download goes before it. Raises EngineError if the folder named by the user has no weights.
    """
    if named := ani_weights():
        return weights_in(named)
    return _torchani_cache()


def _torchani_cache() -> AniWeights | None:
    for folder in ("StateDicts", "Neurochem"):
        for weights in _ensembles(torchani_folder() / folder, "the cache of TorchANI"):
            if weights.name == "ANI-2x":
                return weights
    return None


def _ensembles(path: Path, origin: str) -> Iterator[AniWeights]:
    for name, (neurochem, state_dict) in _FILES.items():
        candidates = (path, path / neurochem, path / "resources" / neurochem)
        for folder in (folder for folder in candidates if folder.name == neurochem and _is_complete(folder)):
            yield AniWeights(name, folder, origin)
        for file in (path, path / state_dict):
            if file.name == state_dict and file.is_file():
                yield AniWeights(name, file, origin)


def _is_complete(folder: Path) -> bool:
    return (
        next(folder.glob("*.params"), None) is not None
        and (folder / "sae_linfit.dat").is_file()
        and all((folder / f"train{member}" / "networks").is_dir() for member in range(_MEMBERS))
    )


_fetch_lock = threading.Lock()
_fetch_failure: str | None = None


def fetch_failure() -> str | None:
    """Why `fetch` failed in this process, or None if it has not failed."""
    return _fetch_failure


def fetch() -> AniWeights:
    """ANI-2x by TorchANI's download, otherwise ANI-1x from the wheel of torchani 2.0.

    Blocks for the download: at most eight seconds where the network cannot be reached, then the time of the package
    index. A failure is remembered, so that later calls in this process fail at once with the same reason.

    Raises EngineError with the reasons of both.
    """
    global _fetch_failure
    with _fetch_lock:
        if _fetch_failure is not None:
            raise EngineError(_fetch_failure)
        reasons = []
        for attempt in (download_ani2x, ani1x_from_wheel):
            try:
                return attempt()
            except EngineError as error:
                reasons.append(str(error))
        _fetch_failure = (
            f"there are no ANI weights here and none could be fetched ({'; '.join(reasons)}); "
            f"unpack ANI-2x in NeuroChem format somewhere and name its folder in {ANI_WEIGHTS_VARIABLE}"
        )
        raise EngineError(_fetch_failure)


def download_ani2x() -> AniWeights:
    """ANI-2x by TorchANI's own download into its own cache, in a second process with a time limit.

    Raises EngineError if huggingface.co cannot be reached within seconds or the download fails.
    """
    _python("-c", _PROBE, seconds=_PROBE_SECONDS, what="reaching huggingface.co for ANI-2x")
    _python("-c", _DOWNLOAD, seconds=_DOWNLOAD_SECONDS, what="TorchANI's download of ANI-2x")
    weights = _torchani_cache()
    if weights is None:
        raise EngineError(f"TorchANI's download left no ANI-2x in {torchani_folder()}")
    return weights


def ani1x_from_wheel() -> AniWeights:
    """ANI-1x in NeuroChem format out of the wheel of torchani 2.0 (22 MB), kept in `cache_folder()`.

    The wheel is fetched by `pip download` with the user's settings of pip, checked against WHEEL_SHA256 and removed
    once unpacked. Raises EngineError.
    """
    neurochem = _FILES["ANI-1x"][0]
    target = cache_folder() / neurochem
    if not _is_complete(target):
        try:
            cache_folder().mkdir(parents=True, exist_ok=True)
            with tempfile.TemporaryDirectory(dir=cache_folder()) as temporary:
                _install(_unpack(_pip_download(Path(temporary)), neurochem, Path(temporary)), target)
        except OSError as error:
            raise EngineError(f"ANI-1x could not be stored in {cache_folder()}: {error}") from error
    return AniWeights("ANI-1x", target, "the wheel of torchani 2.0")


def _install(unpacked: Path, target: Path) -> None:
    if target.exists() and not _is_complete(target):
        shutil.rmtree(target)
    try:
        unpacked.rename(target)
    except OSError:
        if not _is_complete(target):  # otherwise another process was first
            raise


def _pip_download(folder: Path) -> Path:
    options = ["--no-deps", "--only-binary=:all:", "--quiet", "--disable-pip-version-check", "--no-input"]
    limits = ["--retries=1", "--timeout=10"]
    command = ["-m", "pip", "download", "torchani==2.0", *options, *limits, "--dest", str(folder)]
    _python(*command, seconds=_WHEEL_SECONDS, what="fetching ANI-1x from the package index")
    wheel = folder / WHEEL
    digest = hashlib.sha256(wheel.read_bytes()).hexdigest()
    if digest != WHEEL_SHA256:
        raise EngineError(f"the package index sent a wheel of torchani 2.0 that is not the published one ({digest})")
    return wheel


def _unpack(wheel: Path, neurochem: str, folder: Path) -> Path:
    prefix = f"torchani/resources/{neurochem}/"
    with zipfile.ZipFile(wheel) as archive:
        for name in archive.namelist():
            # What the networks do not need are the logs of their training.
            if name.startswith(prefix) and ("/networks/" in name or Path(name).parent.name == neurochem):
                archive.extract(name, folder)
    return folder / prefix


def _python(*arguments: str, seconds: float, what: str) -> None:
    environment = {**os.environ, "TORCHANI_NO_WARN_EXTENSIONS": "1"}
    try:
        subprocess.run(
            [sys.executable, *arguments], capture_output=True, text=True, check=True, timeout=seconds, env=environment
        )
    except subprocess.TimeoutExpired as error:
        raise EngineError(f"{what} took more than {seconds:g} s") from error
    except (subprocess.CalledProcessError, OSError) as error:
        lines = str(getattr(error, "stderr", "") or error).strip().splitlines()
        raise EngineError(f"{what} failed: {lines[-1] if lines else 'no message'}") from error
