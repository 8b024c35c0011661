"""Models by name: those that ship with virialff and the user's own, and which of them is used where none is named.

The user's own models are folders in `models_folder()`; the file `.default` there holds the name of the chosen one.
A name always means the same model; only calls that name none follow the choice.
"""

from __future__ import annotations

import os
import shutil
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

from virialff.access import Role, require_write_access
from virialff.errors import CheckpointError, RegistryError
from virialff.files import NAME, as_name, name_problem
from virialff.settings import ASSETS, MODELS_VARIABLE, models_folder

if TYPE_CHECKING:
    from virialff.models.force_field import Model

SHIPPED = ASSETS / "models"
#: The shipped model that is used until another one is chosen.
SHIPPED_DEFAULT = "default"

_CHOICE = ".default"
_PARTIAL = ".partial-"
#: What a killed `add` left behind is removed by a later one after this time.
_STALE_SECONDS = 24 * 3600


@dataclass(frozen=True)
class RegisteredModel:
    """A model that has a name; its files may still turn out to be damaged."""

    name: str
    folder: Path
    shipped: bool
    #: Whether it is the one that is used where none is named.
    default: bool


def registered_models() -> list[RegisteredModel]:
    """All models by name, shipped ones first; an own model hides a shipped one of the same name.

    Returns
    -------
    list of RegisteredModel

    Raises
    ------
    RegistryError
        If the folder of own models cannot be read.

    See Also
    --------
    load_model : One of them, ready to compute.
    """
    chosen = default_name()
    found = {name: RegisteredModel(name, SHIPPED / name, True, name == chosen) for name in _names(SHIPPED)}
    with _readable(models_folder()) as folder:
        own = _names(folder)
    found |= {name: RegisteredModel(name, folder / name, False, name == chosen) for name in own}
    return sorted(found.values(), key=lambda model: (not model.shipped, model.name))


def find(name: str | None = None) -> RegisteredModel:
    """The model of this name; without one the default. Raises CheckpointError naming the models that there are."""
    chosen = default_name()
    wanted = chosen if name is None else name
    if NAME.fullmatch(wanted):
        with _readable(models_folder()) as folder:
            if (folder / wanted).is_dir():
                return RegisteredModel(wanted, folder / wanted, False, wanted == chosen)
        if (SHIPPED / wanted).is_dir():
            return RegisteredModel(wanted, SHIPPED / wanted, True, wanted == chosen)
    known = ", ".join(model.name for model in registered_models()) or "none"
    if name is None:
        raise CheckpointError(f"{missing_default()} ({known})")
    raise CheckpointError(f"there is no model {wanted!r}; `virialff models list` shows those that there are ({known})")


def missing_default() -> str:
    """Why there is no default model, and what to do, where `default_name` is that of none."""
    if is_chosen():
        return (
            f"the model {default_name()!r}, which was chosen as default, is no longer there; "
            "choose another by `virialff models default NAME`"
        )
    return (
        f"the model {SHIPPED_DEFAULT!r}, which comes with virialff and is used where none is chosen, is not in "
        f"{SHIPPED}; install virialff again, or choose another by `virialff models default NAME`"
    )


def is_chosen() -> bool:
    """Whether somebody has chosen the default model."""
    with _readable(models_folder()) as folder:
        return (folder / _CHOICE).is_file()


def default_name() -> str:
    """Name of the model that is used where none is named: the user's choice, else the shipped `default`.

    A choice that is no longer there, or was never a name, shows when it is looked up by `find`.
    """
    with _readable(models_folder()) as folder:
        try:
            text = (folder / _CHOICE).read_text(encoding="utf-8", errors="replace")
        except (FileNotFoundError, NotADirectoryError):
            return SHIPPED_DEFAULT
    return text.strip()[:100]


def load_model(name_or_path: str | Path | None = None, *, device: str = "cpu") -> Model:
    """A model by its name or folder; by default the chosen one.

    Parameters
    ----------
    name_or_path : str or Path, optional
        A name, or a model folder (card.json and model.safetensors). Text without a slash is a name, and a folder of
        this
        name only where there is no such model. Without it: the model chosen by `virialff models default`, else the
        shipped
        `default`.
    device : str, optional
        Where PyTorch computes: cpu, or a GPU such as cuda:0.

    Returns
    -------
    Model

    Raises
    ------
    CheckpointError
        If there is no such model, or its files are damaged or not ours.

    See Also
    --------
    registered_models : The names there are.
    """
    # Loading takes torch; listing and finding do without.
    from virialff.models.checkpoint import load_checkpoint
    from virialff.models.force_field import Model

    folder = model_folder(name_or_path)
    return Model(load_checkpoint(folder), device=device, name=_registered_name(folder))


def _registered_name(folder: Path) -> str | None:
    """The name of the model in a folder, None for a folder elsewhere."""
    known = folder.resolve().parent in (models_folder().resolve(), SHIPPED.resolve())
    return folder.resolve().name if known and NAME.fullmatch(folder.resolve().name) else None


def keep_in_card(name_or_path: str | Path, metric: str, values: Mapping[str, Any]) -> None:
    """Put values into one of the metrics of a model's card, such as "side by side"; what else it says stays.

    Raises CheckpointError where there is no such model, ReadOnlyError if VIRIALFF_READ_ONLY is set.
    """
    from virialff.models.checkpoint import update_metrics

    require_write_access("Changing a model card")
    update_metrics(model_folder(name_or_path), metric, values)


def model_folder(name_or_path: str | Path | None) -> Path:
    """The folder that `load_model` reads. Raises CheckpointError where there is no such model."""
    if name_or_path is None:
        return find().folder
    folder = Path(name_or_path)
    if isinstance(name_or_path, Path) or "/" in name_or_path:
        if not folder.is_dir():
            raise CheckpointError(f"there is no model folder {folder}; check its path")
        return folder
    try:
        return find(name_or_path).folder
    except CheckpointError:
        if folder.is_dir():
            return folder
        raise


def set_default(name: str) -> RegisteredModel:
    """Use this model from now on where none is named. The choice is written in one step, or not at all.

    Parameters
    ----------
    name : str
        One of `registered_models`.

    Returns
    -------
    RegisteredModel

    Raises
    ------
    CheckpointError
        If there is no such model or it cannot be loaded.
    ReadOnlyError
        If VIRIALFF_READ_ONLY is set.
    """
    require_write_access("Choosing the default model", Role.ADMINISTRATOR)
    from virialff.models.checkpoint import load_checkpoint

    _check_name(name)
    load_checkpoint(find(name).folder)
    folder = models_folder()
    with _staging(folder) as staging:
        partial = staging / "choice"
        with partial.open("w", encoding="utf-8") as file:
            file.write(name + "\n")
            file.flush()
            os.fsync(file.fileno())
        partial.replace(folder / _CHOICE)
    return find(name)


def add(source: Path | BinaryIO, name: str | None = None) -> RegisteredModel:
    """Keep a copy of a model under a name, once it has been tried.

    It must be whole, ours, and give finite energies for a small molecule of each of its elements.

    Parameters
    ----------
    source : Path or binary file
        A model folder, or a .zip of one.
    name : str, optional
        By default the name in its card.

    Returns
    -------
    RegisteredModel

    Raises
    ------
    CheckpointError
        If something is wrong with the model.
    RegistryError
        If the name is taken or not allowed, or the folder of models cannot be written.
    ReadOnlyError
        If VIRIALFF_READ_ONLY is set.
    """
    require_write_access("Adding a model")
    # Trying a model takes torch and RDKit; listing and finding do without.
    from virialff.models.received import receive, verify

    if name is not None:
        check_new_name(name)
    title = str(source if isinstance(source, Path) else getattr(source, "name", "the uploaded file"))
    with _staging(models_folder()) as staging:
        received = staging / "model"
        try:
            receive(source, received, title=title)
            model = verify(received)
        except CheckpointError as error:
            raise CheckpointError(str(error).replace(str(received), title)) from error
        if name is None:
            if not NAME.fullmatch(model.name):
                raise RegistryError(f"the model calls itself {model.name!r}; give it another name").of("name")
            name = model.name
            check_new_name(name)
        folder = models_folder() / name
        # The verified copy itself gets the name: another process sees all of it or nothing.
        try:
            received.rename(folder)
        except OSError as error:
            if os.path.lexists(folder):
                raise _taken(name) from error
            raise
    return find(name)


def check_new_name(name: str) -> None:
    """Raise RegistryError where no model can be added under this name."""
    _check_name(name)
    if (SHIPPED / name).is_dir():
        raise RegistryError(f"{name!r} is the name of a model that ships with virialff; give yours another").of("name")
    with _readable(models_folder()) as folder:
        if os.path.lexists(folder / name):
            raise _taken(name)


def free_name(wanted: str) -> str:
    """A name under which a model can be added: the wanted one where it can be, else the nearest with a number."""
    name = as_name(wanted, "model")
    with _readable(models_folder()) as folder:
        taken = {*_names(SHIPPED), *(os.listdir(folder) if folder.is_dir() else ())}
    if name not in taken:
        return name
    return next(f"{name}-{n}" for n in range(2, len(taken) + 3) if f"{name}-{n}" not in taken)


def remove(name: str) -> None:
    """Delete one of the user's own models.

    Parameters
    ----------
    name : str
        Of a model that was added.

    Raises
    ------
    RegistryError
        If it ships with virialff, or is the chosen default.
    CheckpointError
        If there is no such model.
    ReadOnlyError
        If VIRIALFF_READ_ONLY is set.
    """
    require_write_access("Removing a model", Role.ADMINISTRATOR)
    _check_name(name)
    folder = models_folder()
    with _readable(folder):
        present = (folder / name).is_dir()
    if not present and (SHIPPED / name).is_dir():
        raise RegistryError(f"the model {name!r} ships with virialff and cannot be removed; only your own models can")
    if not present:
        raise CheckpointError(f"there is no model {name!r} to remove; `virialff models list` shows yours")
    if name == default_name():
        raise RegistryError(
            f"the model {name!r} is used where none is named; choose another by `virialff models default NAME` first"
        )
    # Out of sight in one step, then deleted: no half model keeps the name.
    with _staging(folder) as staging:
        (folder / name).rename(staging / name)


def _check_name(name: str) -> None:
    if (problem := name_problem(name, "model")) is not None:
        raise RegistryError(problem).of("name")


def _taken(name: str) -> RegistryError:
    return RegistryError(f"there is already a model {name!r}; give another name, or remove that one first").of("name")


def _names(folder: Path) -> list[str]:
    if not folder.is_dir():
        return []
    return sorted(entry.name for entry in folder.iterdir() if NAME.fullmatch(entry.name) and entry.is_dir())


@contextmanager
def _readable(folder: Path) -> Iterator[Path]:
    try:
        yield folder
    except OSError as error:
        raise RegistryError(
            f"the folder of your models {folder} cannot be read ({error.strerror or error}); "
            f"allow it, or set {MODELS_VARIABLE} to another folder"
        ) from error


@contextmanager
def _staging(folder: Path) -> Iterator[Path]:
    """A folder on the same file system for what is not whole yet; it is deleted in the end."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        _remove_stale(folder)
        staging = Path(tempfile.mkdtemp(prefix=_PARTIAL, dir=folder))
        try:
            yield staging
        finally:
            shutil.rmtree(staging, ignore_errors=True)
    except OSError as error:
        raise RegistryError(
            f"nothing can be written to the folder of your models {folder} ({error.strerror or error}); "
            f"make room or allow it, or set {MODELS_VARIABLE} to another folder"
        ) from error


def _remove_stale(folder: Path) -> None:
    for left in folder.glob(_PARTIAL + "*"):
        if time.time() - left.lstat().st_mtime > _STALE_SECONDS:
            shutil.rmtree(left, ignore_errors=True)
