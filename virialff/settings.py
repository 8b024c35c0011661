"""Settings of an installation: every VIRIALFF_* environment variable, and where each folder is (docs/settings.md)."""

import os
from pathlib import Path

from virialff.errors import ConfigError, RegistryError

#: What a wheel brings of a checkout: the app, models, examples (setup.py). In a checkout there is no such folder.
SHIPPED = Path(__file__).resolve().parent / "shipped"
#: Whether this is an installed wheel.
INSTALLED = SHIPPED.is_dir()
#: The root of the checkout, or of what a wheel brings of it.
CHECKOUT = SHIPPED if INSTALLED else Path(__file__).resolve().parent.parent
#: Shipped models, labels, examples and studies.
ASSETS = Path(os.environ.get("VIRIALFF_ASSETS", CHECKOUT / "assets"))
#: What the app serves itself: the viewer of molecules.
STATIC = CHECKOUT / "static"

MODELS_VARIABLE = "VIRIALFF_MODELS"
RUNS_VARIABLE = "VIRIALFF_JOBS"
JOBS_PER_GPU_VARIABLE = "VIRIALFF_JOBS_PER_GPU"
POOLS_VARIABLE = "VIRIALFF_POOLS"
READ_ONLY_VARIABLE = "VIRIALFF_READ_ONLY"
ADMINISTRATOR_VARIABLE = "VIRIALFF_SETTINGS"
NO_LOGIN_VARIABLE = "VIRIALFF_NO_LOGIN"
TRACEBACK_VARIABLE = "VIRIALFF_TRACEBACK"
ANI_WEIGHTS_VARIABLE = "VIRIALFF_ANI_WEIGHTS"
PYSCF_BLAS_VARIABLE = "VIRIALFF_PYSCF_BLAS"
#: Set by the program for its own processes: the file in which one tells why a training ended.
TRAINING_END_VARIABLE = "VIRIALFF_TRAINING_END"
#: The same: the lifeline of torchrun for the processes that it starts.
TRAINING_LIFELINE_VARIABLE = "VIRIALFF_TRAINING_LIFELINE"
#: The same: the user who started a job, for the process of its command.
USER_VARIABLE = "VIRIALFF_USER"


def _data_folder() -> Path:
    """`virialff` in the user's data folder (XDG_DATA_HOME or ~/.local/share); a ~ is not replaced yet."""
    return Path(os.environ.get("XDG_DATA_HOME") or "~/.local/share") / "virialff"


def models_folder() -> Path:
    """The folder of the user's own models; it need not exist yet. Raises RegistryError where there is no home folder.

    VIRIALFF_MODELS where it is set, else `virialff/models` in the user's data folder (XDG_DATA_HOME or ~/.local/share).
    """
    if named := os.environ.get(MODELS_VARIABLE):
        return Path(named)
    try:
        return (_data_folder() / "models").expanduser()
    except RuntimeError as error:
        raise RegistryError(f"there is no home folder for your models here; set {MODELS_VARIABLE} to one") from error


def runs_folder() -> Path:
    """The folder in VIRIALFF_JOBS, or `runs` of the checkout: it takes the runs, and their jobs in `jobs`.

    Of an installed wheel `virialff/runs` in the user's data folder.
    """
    folder = _data_folder() if INSTALLED else CHECKOUT
    return Path(os.path.expanduser(os.environ.get(RUNS_VARIABLE) or folder / "runs")).absolute()


def pools_folder() -> Path:
    """Where downloaded wheels with molecules are kept: VIRIALFF_POOLS, or `pools` beside the folder LABELS."""
    return Path(os.environ.get(POOLS_VARIABLE) or LABELS.parent / "pools")


def cache_folder() -> Path:
    """`$XDG_CACHE_HOME/virialff`, by default `~/.cache/virialff`."""
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "virialff"


#: Where the label campaigns that ship write their stores, and imports theirs.
LABELS = Path(os.path.expanduser(_data_folder())) / "labels" if INSTALLED else CHECKOUT / "build" / "labels"


def ani_weights() -> str | None:
    """The user's folder, or state dict, of ANI weights (VIRIALFF_ANI_WEIGHTS), None where it is not set."""
    return os.environ.get(ANI_WEIGHTS_VARIABLE) or None


def pyscf_blas() -> str | None:
    """The OpenBLAS that PySCF's worker loads (VIRIALFF_PYSCF_BLAS), None for the one in its wheel.

    That one is of 2018 and knows no AVX-512, with which matrix products take half the time.
    """
    return os.environ.get(PYSCF_BLAS_VARIABLE) or None


def jobs_per_gpu() -> int:
    """VIRIALFF_JOBS_PER_GPU, 1 by default. Raises ConfigError if it is no positive whole number."""
    text = os.environ.get(JOBS_PER_GPU_VARIABLE) or "1"
    if not text.isdecimal() or int(text) < 1:
        raise ConfigError(
            f"{JOBS_PER_GPU_VARIABLE} is {text!r}: it takes the number of jobs that may share a GPU, 1 or more."
        )
    return int(text)


def shows_traceback() -> bool:
    """Whether a fault of the program itself shows its traceback (VIRIALFF_TRACEBACK set to anything)."""
    return bool(os.environ.get(TRACEBACK_VARIABLE))


def is_read_only() -> bool:
    """Whether VIRIALFF_READ_ONLY is set to anything but 0."""
    return os.environ.get(READ_ONLY_VARIABLE, "").strip() not in ("", "0")


def administrator_file() -> Path | None:
    """The TOML file in VIRIALFF_SETTINGS, or `virialff/settings.toml` in XDG_CONFIG_HOME or ~/.config; None where
    there is none. One that is named and missing is for the reader to complain about."""
    if named := os.environ.get(ADMINISTRATOR_VARIABLE):
        return Path(named).expanduser()
    folder = Path(os.path.expanduser(os.environ.get("XDG_CONFIG_HOME") or "~/.config"))
    path = folder / "virialff" / "settings.toml"
    return path if path.is_file() else None


def secrets_files() -> tuple[Path, ...]:
    """Where the app looks for secrets.toml, whose section [auth] is the login: the home folder and the app's own."""
    return Path(os.path.expanduser("~/.streamlit/secrets.toml")), CHECKOUT / ".streamlit" / "secrets.toml"


def allows_no_login() -> bool:
    """Whether VIRIALFF_NO_LOGIN is set to anything but 0: the app opens to other machines without login."""
    return os.environ.get(NO_LOGIN_VARIABLE, "").strip() not in ("", "0")


def user_of_process() -> str:
    """Who started the job that this process is of (VIRIALFF_USER), "" for the owner of the machine."""
    return os.environ.get(USER_VARIABLE, "")
