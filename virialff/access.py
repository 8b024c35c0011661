"""Who works here, and what he may: asked where work starts, by commands, jobs and pages alike.

At the command line it is the owner of the machine, who may everything but in a read-only installation; the app tells
the visitor of the page (`identify_by`), and the process of a job the user who started it (VIRIALFF_USER).
"""

import ipaddress
import tomllib
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from virialff import settings
from virialff.administrator import Role, administration
from virialff.errors import AccessError, ConfigError, ReadOnlyError
from virialff.settings import READ_ONLY_VARIABLE, allows_no_login, is_read_only, secrets_files


@dataclass(frozen=True)
class User:
    """Somebody who works here; the owner of the machine has no name."""

    name: str
    role: Role


OWNER = User("", Role.ADMINISTRATOR)


def user_of_process() -> User:
    """Who started this process: the owner of the machine, or the user whose job it is."""
    name = settings.user_of_process()
    return User(name, role_of(name)) if name else OWNER


_identify: Callable[[], User] = user_of_process


def identify_by(who: Callable[[], User]) -> None:
    """From now on this process asks `who` for the user; the app does, once."""
    global _identify
    _identify = who


def acting_user() -> User:
    """Who asks for what is being done."""
    return _identify()


def role_of(name: str) -> Role:
    """Of the user whose name is in a record: the machine's owner, a visitor of an app without login, or one of the
    administrator's list."""
    if not name:
        return Role.ADMINISTRATOR
    return administration().app.visitors if is_visitor(name) else administration().role_of(name)


_VISITOR = "visitor"


def visitor(place: str) -> User:
    """Somebody who came without login, from this network address."""
    name = f"{_VISITOR} {place}".strip()
    return User(name, role_of(name))


def is_visitor(name: str) -> bool:
    """Whether this is a name that `visitor` gave; an e-mail address has no space."""
    return name.split(" ")[0] == _VISITOR


def require_write_access(action: str, role: Role = Role.WORKER, *, owner: str | None = None) -> None:
    """Called where work starts; `action` begins the sentence ("Starting a training job").

    `owner` is the user whose thing is changed, such as a job: others than he must be administrators.

    Raises ReadOnlyError where nothing may be changed, AccessError for a user who may not.
    """
    if is_read_only():
        raise ReadOnlyError(
            f"{action} is refused because this installation is read-only: unset {READ_ONLY_VARIABLE} to allow it."
        )
    user = acting_user()
    if owner is not None and owner != user.name:
        role = Role.ADMINISTRATOR
        action = f"{action} of another user"
    if user.role < role:
        raise AccessError(
            f"{action} is for {'administrators' if role is Role.ADMINISTRATOR else f'a {role.word} or administrator'}, "
            f"and {user.name or 'whoever is not known here'} is {_article(user.role)}: ask the administrator of this "
            "installation."
        )


def _article(role: Role) -> str:
    return {Role.NOBODY: "not among its users", Role.ADMINISTRATOR: "an administrator"}.get(role, f"a {role.word}")


#: How people come to the app: from this machine alone; by login; from anywhere without; or not at all.
Way = Literal["local", "login", "open", "closed"]

CLOSED = (
    "This app can be reached from other machines, and nobody has said who may use it. Set up login (docs/hosting.md), "
    "start it with --no-login, or let it listen on 127.0.0.1 alone."
)


def way_in(address: str | None) -> Way:
    """How people come to an app that listens on this address. Raises ConfigError where a file that decides is damaged.

    Beyond this machine it is reached where it listens on another address than 127.0.0.1, or where the administrator
    names hosts for a proxy before it.
    """
    if login_is_set_up():
        return "login"
    if is_this_machine(address) and not administration().app.hosts:
        return "local"
    return "open" if allows_no_login() else "closed"


def login_is_set_up() -> bool:
    """Whether a secrets.toml that the app reads has the section [auth]."""
    for path in secrets_files():
        try:
            if path.is_file() and "auth" in tomllib.loads(path.read_text(encoding="utf-8")):
                return True
        except (OSError, ValueError) as error:
            raise ConfigError(f"{path} cannot be read: {error}") from error
    return False


def is_this_machine(address: str | None) -> bool:
    """Whether what listens on this address is reached from this machine alone; None stands for all addresses."""
    if address == "localhost":
        return True
    try:
        return address is not None and ipaddress.ip_address(address).is_loopback
    except ValueError:
        return False
