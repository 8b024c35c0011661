"""The app's pages, and the way into them: who came, and what he may.

Streamlit takes a folder `pages` beside main.py for the pages of an app without `st.navigation`, until main.py has run
for the first time in a server. A link that opens another page first would therefore run that page's file alone.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from functools import partial
from pathlib import Path

import streamlit as st
from streamlit.navigation.page import Page
from streamlit.runtime import Runtime
from streamlit.runtime.scriptrunner import get_script_run_ctx

from pages.components.shell import door
from pages.components.shell.text import plain, sentence
from virialff import access
from virialff.access import OWNER, User
from virialff.administrator import Role, administration
from virialff.errors import ConfigError, VirialffError
from virialff.files import disk_problem
from virialff.settings import CHECKOUT, is_read_only

# A file of our own: Streamlit would fetch an icon given by name from the network.
ICON = CHECKOUT / "assets" / "icon.svg"

# Streamlit writes on its main buttons in white, which cannot be read on the light blue of the dark theme.
_DARK_BUTTONS = "<style>[data-testid^='stBaseButton-primary']:not(:disabled) p { color: #101418 }</style>"

_one_entry_each = st.components.v2.component(
    "history", js=Path(__file__).with_name("history.js").read_text(encoding="utf-8"), isolate_styles=False
)
# At once, and not when a component has loaded, by which the page would jump.
_STYLE = f"<style>{Path(__file__).with_name('app.css').read_text(encoding='utf-8')}</style>"

_inside_app: ContextVar[bool] = ContextVar("inside_app", default=False)


# By group of the menu: each page's file, with its title and icon.
_MENU = {
    "My molecule": {
        "force_field": ("Force field", "hub"),
        "conformers": ("Conformers", "scatter_plot"),
        "scan": ("Scan", "timeline"),
        "dimer": ("Dimer", "join_inner"),
    },
    "Chemistry at large": {
        "parameters": ("Parameters", "stacked_bar_chart"),
        "benchmarks": ("Benchmarks", "fact_check"),
    },
    "Build models": {
        "data": ("Data", "database"),
        "train": ("Train", "model_training"),
        "models": ("Models", "deployed_code"),
    },
}
#: Pages of the app by the names of their files, in the order of the menu; the first is at its root.
PAGES = tuple(name for pages in _MENU.values() for name in pages)

#: Addresses of former versions, and the page that took each one's place; the first page by its name like the others.
_MOVED = {
    PAGES[0]: PAGES[0],
    "molecule": "force_field",
    "interactions": "dimer",
    "evaluation": "benchmarks",
    "training": "train",
    "energies": "conformers",
}


def navigation() -> Page:
    """Set up the browser's tab and all pages; returns the page that was asked for."""
    st.set_page_config(page_title="VirialFF", page_icon=ICON, layout="wide")
    st.html(_STYLE)
    if st.context.theme.type == "dark":
        st.html(_DARK_BUTTONS)
    _one_entry_each(key="history")
    moved = [st.Page(partial(_go_to, new), title=new, url_path=old, visibility="hidden") for old, new in _MOVED.items()]
    menu = {
        group: [
            st.Page(
                f"pages/{name}.py",
                title=title,
                icon=f":material/{icon}:",
                url_path="" if name == PAGES[0] else None,
                default=name == PAGES[0],
            )
            for name, (title, icon) in pages.items()
        ]
        for group, pages in _MENU.items()
    }
    menu["Build models"] += moved
    return st.navigation(menu)


def _go_to(name: str) -> None:
    # The page Energies had scans too.
    if st.query_params.get("compared_geometries") == "Scan":
        name = "scan"
    st.switch_page(f"pages/{name}.py", query_params=st.query_params.to_dict())


_NOBODY = User("", Role.NOBODY)


def user() -> User:
    """Who is at the page that this thread serves; nobody where a server's thread serves none."""
    context = get_script_run_ctx(suppress_warning=True)
    if context is None and not Runtime.exists():
        return access.user_of_process()
    try:
        way = door.way()
        if way == "local":
            return OWNER
        if context is None or way == "closed":
            return _NOBODY
        if way == "open":
            return access.visitor(st.context.ip_address or "")
        if not st.user.is_logged_in:
            return _NOBODY
        email = st.user.get("email")
        # A provider may take any address that somebody types, and says so.
        if not isinstance(email, str) or st.user.get("email_verified") is False:
            return _NOBODY
        return User(email.strip().lower(), access.role_of(email))
    except ConfigError:
        return _NOBODY


access.identify_by(user)


def admit() -> None:
    """Let in whoever may come in; for others the page says what to do and stops."""
    try:
        way = "closed" if door.is_served_without() else door.way()
        administration()
    except ConfigError as error:
        st.error(sentence(error), title="The settings of this app are damaged")
        st.stop()
    if way == "closed":
        st.error(plain(access.CLOSED), title="This app is closed")
        st.stop()
    visitor = user()
    if way == "login":
        _login(visitor)
    if way == "open":
        may = "compute and train" if visitor.role > Role.READER else "look at everything and compute"
        st.warning(
            f"Without login: everybody who reaches this address may {may} here.", icon=":material/lock_open_right:"
        )
    if is_read_only():
        st.info("This installation is read-only: nothing is started, stopped or changed.", icon=":material/visibility:")
    context = get_script_run_ctx()
    assert context is not None
    door.admit(context.session_id, visitor.name)


def _login(visitor: User) -> None:
    if not st.user.is_logged_in:
        st.title("VirialFF")
        st.markdown("Energies and parameters of molecules by a force field that a neural network makes. Please log in.")
        st.button("Log in", type="primary", icon=":material/login:", on_click=st.login)
        st.stop()
    name = st.user.get("email") or st.user.get("name") or "somebody without an e-mail address"
    if visitor.role is Role.NOBODY:
        st.title("VirialFF")
        if st.user.get("email_verified") is False:
            why = f"{name} is not verified by whoever you logged in with."
        else:
            why = (
                f"You are logged in as {name}, who is not among the users of this installation: ask its administrator."
            )
        st.error(plain(why), title="You may not come in")
        st.button("Log out", icon=":material/logout:", on_click=st.logout)
        st.stop()
    with st.sidebar:
        st.caption(plain(f"{name}, {visitor.role.word}"))
        st.button("Log out", icon=":material/logout:", on_click=st.logout, key="log_out")


@contextmanager
def inside_app() -> Iterator[None]:
    """Around main.py's call of a page. What a full disk or a file without permission ends is a sentence there."""
    token = _inside_app.set(True)
    try:
        yield
    except OSError as error:
        st.error(sentence(disk_problem(error)), title="A file cannot be read or written")
    except VirialffError as error:
        st.error(sentence(error), title="The page cannot go on")
    finally:
        _inside_app.reset(token)


def enter_through_app() -> None:
    """Start again through main.py where Streamlit has run a page's file alone. Every page calls it first."""
    if not _inside_app.get():
        navigation()
        st.rerun()
