"""What the administrator of an installation allows: a TOML file that no page, recipe or upload can change
(docs/hosting.md). Without one there are no users beside the machine's owner, and no limits for him."""

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from enum import IntEnum
from functools import lru_cache
from pathlib import Path
from typing import Any

from virialff.errors import ConfigError
from virialff.settings import administrator_file


class Role(IntEnum):
    """Who may what; each may what those below it may."""

    NOBODY = 0
    READER = 1  #: sees everything, and computes what takes seconds
    WORKER = 2  #: starts jobs, and stops its own
    ADMINISTRATOR = 3  #: stops the jobs of all, and chooses and removes models

    @property
    def word(self) -> str:
        """As it is written in the file."""
        return self.name.lower()


@dataclass(frozen=True)
class App:
    """How the app is reached by others."""

    hosts: tuple[str, ...] = ()  #: names of the app in the address of a browser, beside this machine's own
    visitors: Role = Role.READER  #: of everybody, where the app is started with --no-login


@dataclass(frozen=True)
class Folders:
    """Folders whose content pages offer, beside what ships and what they made themselves."""

    labels: tuple[Path, ...] = ()  #: with label stores and Parquet files
    campaigns: tuple[Path, ...] = ()  #: with configurations of label campaigns
    qmugs: tuple[Path, ...] = ()  #: with the files of QMugs


@dataclass(frozen=True)
class Slurm:
    """What every job on SLURM is submitted with."""

    partitions: tuple[str, ...] = ()  #: that may be asked for; none named: all
    setup: tuple[str, ...] = ()  #: shell lines before the job, such as `module load`
    options: Mapping[str, str | int] = field(default_factory=dict)  #: further options of sbatch


@dataclass(frozen=True)
class Quota:
    """What one user may take; 0 is no limit. The machine's owner has none."""

    jobs_at_once: int = 2
    jobs_waiting: int = 20
    hours: float = 48.0  #: of one job
    memory_gb: float = 32.0  #: of one job
    disk_gb: float = 100.0  #: of all that his jobs wrote
    upload_mb: float = 200.0  #: of files in the memory of the app, of one browser tab
    uploads_mb: float = 500.0  #: the same of all his tabs


@dataclass(frozen=True)
class Administration:
    """Everything in the file."""

    users: Mapping[str, Role] = field(default_factory=dict)  #: by e-mail address in small letters
    app: App = App()
    folders: Folders = Folders()
    slurm: Slurm = field(default_factory=Slurm)
    quota: Quota = Quota()

    def role_of(self, name: str) -> Role:
        """Of the user with this e-mail address."""
        return self.users.get(name.strip().lower(), Role.NOBODY)


_SECTIONS = {"app": App, "folders": Folders, "slurm": Slurm, "quota": Quota}
_ROLES = {role.word: role for role in Role if role is not Role.NOBODY}


def administration() -> Administration:
    """What the file says now. Raises ConfigError with the file, the section and the key of what is wrong."""
    path = administrator_file()
    if path is None:
        return Administration()
    try:
        facts = path.stat()
    except OSError as error:
        raise ConfigError(f"the administrator's settings {path} cannot be read: {error.strerror}") from error
    return _read(path, facts.st_mtime_ns, facts.st_size)


@lru_cache(maxsize=4)
def _read(path: Path, time: int, size: int) -> Administration:
    try:
        content = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise ConfigError(f"the administrator's settings {path} cannot be read: {error}") from error
    try:
        unknown = sorted(set(content) - {"users", *_SECTIONS})
        if unknown:
            raise ValueError(f"there is no section [{unknown[0]}], only [users], [{'], ['.join(_SECTIONS)}]")
        users = content.get("users", {})
        if not isinstance(users, dict):
            raise ValueError("users is a section: e-mail addresses with their roles")
        return Administration(
            users={name.strip().lower(): _role(f"[users] {name}", role) for name, role in users.items()},
            **{name: _section(name, kind, content.get(name, {})) for name, kind in _SECTIONS.items()},
        )
    except ValueError as error:
        raise ConfigError(f"the administrator's settings {path}: {error}") from error


def _section(name: str, kind: type[Any], content: Any) -> Any:
    if not isinstance(content, dict):
        raise ValueError(f"[{name}] is a section")
    known = {entry.name: entry for entry in fields(kind)}
    for key in content:
        if key not in known:
            raise ValueError(f"[{name}] has no {key}, only {', '.join(known)}")
    return kind(**{key: _value(f"[{name}] {key}", kind, key, value) for key, value in content.items()})


def _value(place: str, kind: type[Any], key: str, value: Any) -> Any:
    if kind is Quota:
        if isinstance(value, bool) or not isinstance(value, int | float) or value < 0:
            raise ValueError(f"{place} is {value!r}: it takes a number, 0 for no limit")
        return value
    if key == "visitors":
        return _role(place, value)
    if key == "options":
        if not isinstance(value, dict) or not all(isinstance(each, str | int) for each in value.values()):
            raise ValueError(f"{place} takes options of sbatch with their values")
        return value
    if not isinstance(value, list) or not all(isinstance(each, str) and each.strip() for each in value):
        raise ValueError(f"{place} takes a list of texts in quotes")
    if kind is Folders:
        folders = tuple(Path(each).expanduser() for each in value)
        for folder in folders:
            if not folder.is_absolute():
                raise ValueError(f"{place}: {folder} must be an absolute path")
        return folders
    return tuple(each.strip() for each in value)


def _role(place: str, value: Any) -> Role:
    if value not in _ROLES:
        raise ValueError(f"{place} is {value!r}: it takes {', '.join(_ROLES)}")
    return _ROLES[value]
