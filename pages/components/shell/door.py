"""The door of the app: asked of every request and websocket before Streamlit sees it.

A page of another site can make a browser speak to 127.0.0.1, by its own address or by a name that it lets point there.
What it asks for carries that name as Host, or its own address as Origin, and is refused. So is everything where the app
can be reached from other machines and nobody has said who may use it.
"""

import html
import ipaddress
import logging
import secrets
import threading
from typing import Any, ClassVar
from urllib.parse import urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import cookie_parser
from starlette.responses import HTMLResponse, PlainTextResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send
from streamlit import config
from streamlit.runtime import get_instance

from pages.components.shell.kept import COOKIE
from virialff.access import CLOSED, Way, is_this_machine, way_in
from virialff.administrator import administration
from virialff.errors import ConfigError

_UPLOADS = "/_stcore/upload_file/"
_METRICS = "/_stcore/metrics"
_MB = 1e6
_log = logging.getLogger(__name__)


def way() -> Way:
    """How people come to this app. Raises ConfigError where a file that decides about it is damaged."""
    return way_in(config.get_option("server.address"))


def admit(session: str, user: str) -> None:
    """From now on this session of a browser may upload, as this user."""
    _uploads.admit(session, user)


class Door:
    """ASGI middleware; app.py puts it before the app."""

    #: Whether this process has one.
    in_place: ClassVar[bool] = False

    def __init__(self, app: ASGIApp) -> None:
        self._app = app
        Door.in_place = True

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] not in ("http", "websocket"):
            await self._app(scope, receive, send)
            return
        refused = refusal(scope)
        if refused is not None and scope["type"] == "websocket":
            await send({"type": "websocket.close", "code": 1008, "reason": refused[:100]})
        elif refused is not None:
            await HTMLResponse(_page(refused), status_code=403)(scope, receive, send)
        elif scope["type"] == "http" and scope["method"] == "PUT" and _UPLOADS in scope["path"]:
            await self._upload(scope, receive, send)
        elif scope["type"] == "http" and COOKIE not in cookie_parser(Headers(scope=scope).get("cookie", "")):
            await self._app(scope, receive, _with_cookie(send))
        else:
            await self._app(scope, receive, send)

    async def _upload(self, scope: Scope, receive: Receive, send: Send) -> None:
        session, _, file = scope["path"].partition(_UPLOADS)[2].partition("/")
        length = Headers(scope=scope).get("content-length", "")
        # Without a length it could be any number of bytes.
        problem = (
            _uploads.begin(session, file, int(length))
            if length.isdecimal() and len(length) < 20
            else "The upload has no length."
        )
        if problem is not None:
            await PlainTextResponse(problem, status_code=413)(scope, receive, send)
            return
        try:
            await self._app(scope, receive, send)
        finally:
            _uploads.end(session, file)


def _with_cookie(send: Send) -> Send:
    """Let a page that is sent give the browser its number."""
    number = secrets.token_urlsafe(18)

    async def sending(message: Message) -> None:
        if message["type"] == "http.response.start":
            headers = MutableHeaders(scope=message)
            if headers.get("content-type", "").startswith("text/html"):
                headers.append("set-cookie", f"{COOKIE}={number}; Path=/; HttpOnly; SameSite=Lax")
        await send(message)

    return sending


def refusal(scope: Scope) -> str | None:
    """Why this request must not be served, as a sentence, or None."""
    headers = Headers(scope=scope)
    try:
        way_here = way()
        hosts = {host.lower() for host in administration().app.hosts}
    except ConfigError as error:
        # What is wrong with a file is for whoever reads the log.
        _log.error("%s", error)
        return "The settings of this app are damaged: its log says where."
    server = scope.get("server")
    if way_here == "closed" or (way_here == "local" and not is_this_machine(server and server[0])):
        return CLOSED
    # Streamlit counts there what lies in its caches, for whoever asks.
    if way_here != "local" and scope["path"].rstrip("/").endswith(_METRICS):
        return "Numbers of the server are for the machine that it runs on."
    host = headers.get("host", "")
    if not _is_ours(_name(f"//{host}"), hosts, local=way_here == "local"):
        return (
            f"This app is not called {host}. Whoever runs it can allow that name: hosts in the section [app] of the "
            "administrator's settings (docs/hosting.md)."
        )
    origin = headers.get("origin")
    if origin is not None and urlsplit(origin).netloc.lower() != host.lower() and _name(origin) not in hosts:
        return f"A page of {origin} asks for this, and only pages of this app may."
    return None


def _name(address: str) -> str:
    """The host in an address, in small letters; "" for what is none."""
    try:
        parts = urlsplit(address)
        # A port that is no number raises ValueError.
        if parts.username is not None or parts.path or parts.query or parts.port == 0:
            return ""
        return (parts.hostname or "").rstrip(".")
    except ValueError:
        return ""


def _is_ours(name: str, hosts: set[str], *, local: bool) -> bool:
    if name == "localhost" or name in hosts:
        return True
    try:
        number = ipaddress.ip_address(name)
    except ValueError:
        return False
    # No name can be made to point here where the browser was given the number itself.
    return number.is_loopback or not local


def _page(sentence: str) -> str:
    return (
        "<!doctype html><html lang=en><meta charset=utf-8><title>VirialFF: not here</title>"
        "<body style='font: 1.1rem/1.5 sans-serif; max-width: 40rem; margin: 15vh auto; padding: 0 1rem'>"
        f"<h1 style='font-size: 1.5rem'>VirialFF</h1><p>{html.escape(sentence)}</p></body></html>"
    )


class _Uploads:
    """Who may upload, and how much of it is in memory: by session, and by user over all his sessions."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._users: dict[str, str] = {}
        self._coming: dict[tuple[str, str], int] = {}

    def admit(self, session: str, user: str) -> None:
        with self._lock:
            self._users[session] = user

    def begin(self, session: str, file: str, size: int) -> str | None:
        """Keep room for a file that is about to come; why there is none, as a sentence."""
        held = _held()
        quota = administration().quota
        with self._lock:
            self._users = {name: user for name, user in self._users.items() if _is_open(name)}
            if session not in self._users:
                return "This page may not upload: log in first, or load it anew."
            user = self._users[session]
            # A file takes the place of one that was there under its name.
            others = {place: each for place, each in {**held, **self._coming}.items() if place != (session, file)}
            sessions = {name for name, other in self._users.items() if other == user}
            of_session = size + sum(each for place, each in others.items() if place[0] == session)
            of_user = size + sum(each for place, each in others.items() if place[0] in sessions)
            for used, limit, whose in (
                (of_session, quota.upload_mb, "this browser tab"),
                (of_user, quota.uploads_mb, "all your browser tabs"),
            ):
                if limit and used > limit * _MB:
                    return (
                        f"The files uploaded in {whose} would take {used / _MB:.0f} MB and may take {limit:g} MB: "
                        "remove some, or close a tab."
                    )
            self._coming[session, file] = size
        return None

    def end(self, session: str, file: str) -> None:
        with self._lock:
            self._coming.pop((session, file), None)


_uploads = _Uploads()


def _held() -> dict[tuple[str, str], int]:
    """Bytes by session and file of what Streamlit has in memory."""
    kept: Any = get_instance().uploaded_file_mgr
    sessions = {name: dict(files) for name, files in dict(kept.file_storage).items()}
    return {(name, key): len(file.data) for name, files in sessions.items() for key, file in files.items()}


def _is_open(session: str) -> bool:
    # Also one whose browser is away for a moment: its files are kept until it is forgotten.
    runtime = get_instance()
    return runtime.is_active_session(session) or session in dict(runtime.uploaded_file_mgr.file_storage)  # type: ignore[attr-defined]


def is_served_without() -> bool:
    """Whether a server runs the script of the app without its door."""
    # The test runner of Streamlit has no server.
    return not Door.in_place and not config.get_option("global.appTest")
