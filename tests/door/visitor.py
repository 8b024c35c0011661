"""A visitor who speaks to the running app without a browser: any text in any field, any header, any file."""

from __future__ import annotations

import socket
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from types import TracebackType
from typing import Any, Self
from urllib.parse import urlsplit

import httpx
from streamlit.proto.BackMsg_pb2 import BackMsg
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg
from websockets import Subprotocol
from websockets.sync.client import ClientConnection, connect

SECONDS = 90.0
_VALUES = {
    "selectbox": "string_value",
    "text_input": "string_value",
    "text_area": "string_value",
    "button": "trigger_value",
    "button_group": "string_array_value",
}


@contextmanager
def open_websocket(
    address: str, *, host: str | None = None, origin: str | None = None, cookies: str = "", token: str = ""
) -> Iterator[ClientConnection]:
    """A websocket to the app at `address`, with these headers. Raises InvalidStatus where it is refused."""
    place = urlsplit(address)
    assert place.hostname is not None
    assert place.port is not None
    with connect(
        f"ws://{host or place.netloc}/_stcore/stream",
        sock=socket.create_connection((place.hostname, place.port), timeout=SECONDS),
        additional_headers={"Origin": origin or address, **({"Cookie": cookies} if cookies else {})},
        # As Streamlit's page does: without the token no login of the cookies counts.
        subprotocols=[Subprotocol("streamlit"), *([Subprotocol(token)] if token else [])],
        max_size=None,
        # What is loaded slowly by a busy machine is no reason to give up.
        ping_timeout=None,
    ) as opened:
        yield opened


class Visitor:
    """One session. Text that the app showed last is in `text`, the address that it sends to in `sent_to`."""

    def __init__(self, address: str, client: httpx.Client | None = None) -> None:
        self.address = address
        self._held = ExitStack()
        self.client = client or self._held.enter_context(httpx.Client(base_url=address, timeout=SECONDS))
        self.client.get("/_stcore/health")
        self.text = ""
        self.sent_to = ""
        self.session = ""
        self.widgets: dict[str, tuple[str, str]] = {}
        self._page = ""
        self._set: dict[str, tuple[str, Any]] = {}
        cookies = "; ".join(f"{name}={value}" for name, value in self.client.cookies.items())
        self._socket = self._held.enter_context(open_websocket(address, cookies=cookies, token=self._token()))

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._held.close()

    def open(self, page: str = "", **query: str) -> Self:
        """Go to a page by its name in the address ("data"), and wait until it has run."""
        self._page = page
        self._set = {}
        return self._run(page_name=page, query_string=str(httpx.QueryParams(query)))

    def set(self, label: str, value: Any) -> Self:
        """Put any value into the field with this label, as no browser would, and wait until the page has run."""
        identifier, kind = self._widget(label)
        self._set[identifier] = (_VALUES[kind], value)
        return self._run()

    def click(self, label: str) -> Self:
        """Press a button, and wait until the page has run."""
        identifier, kind = self._widget(label)
        return self._run(pressed=(identifier, _VALUES[kind]))

    def clear_caches(self) -> None:
        """What a developer's menu sends."""
        self._socket.send(BackMsg(clear_cache=True).SerializeToString())

    def upload(self, name: str, content: bytes) -> httpx.Response:
        """Send a file as the widget for uploads does."""
        token = self._token()
        return self.client.put(
            f"/_stcore/upload_file/{self.session}/{name}",
            files={"file": (name, content)},
            headers={"X-Xsrftoken": token},
        )

    def _token(self) -> str:
        return self.client.cookies.get("_streamlit_xsrf") or ""

    def _widget(self, label: str) -> tuple[str, str]:
        assert label in self.widgets, f"{label!r} is not among {sorted(self.widgets)}: {self.text[-2000:]}"
        return self.widgets[label]

    def _run(self, *, pressed: tuple[str, str] | None = None, **more: str) -> Self:
        message = BackMsg()
        state = message.rerun_script
        state.page_name = self._page
        for name, value in more.items():
            setattr(state, name, value)
        values = [*self._set.items(), *([(pressed[0], (pressed[1], True))] if pressed else [])]
        for identifier, (field, value) in values:
            widget = state.widget_states.widgets.add()
            widget.id = identifier
            if field == "string_array_value":
                widget.string_array_value.data.extend(value)
            else:
                setattr(widget, field, value)
        self._socket.send(message.SerializeToString())
        self._receive()
        return self

    def _receive(self) -> None:
        shown: list[str] = []
        self.widgets = {}
        while True:
            message = ForwardMsg()
            content = self._socket.recv(timeout=SECONDS)
            assert isinstance(content, bytes)
            message.ParseFromString(content)
            kind = message.WhichOneof("type")
            if kind == "new_session":
                shown, self.widgets = [], {}
                self.session = self.session or message.new_session.initialize.session_id
            elif kind == "delta":
                self._take(message.delta.new_element, shown)
            elif kind == "auth_redirect":
                self.sent_to = message.auth_redirect.url
            elif kind == "script_finished" and message.script_finished == ForwardMsg.FINISHED_SUCCESSFULLY:
                self.text = "\n".join(shown).replace("\\", "")
                return

    def _take(self, element: Any, shown: list[str]) -> None:
        kind = element.WhichOneof("type")
        if kind is None:
            return
        content = getattr(element, kind)
        shown += [getattr(content, name) for name in ("title", "body", "label", "value") if _is_text(content, name)]
        if kind in _VALUES and content.label:
            self.widgets[content.label] = (content.id, kind)


def _is_text(content: Any, name: str) -> bool:
    return isinstance(getattr(content, name, None), str)


def log_in(client: httpx.Client, user: str, claims: Mapping[str, Any], provider: str) -> None:
    """Log in as this user at the OpenID provider, by the app's own button; `client` keeps the cookies."""
    httpx.put(f"{provider}/users/{user}", json=dict(claims)).raise_for_status()
    with Visitor(str(client.base_url).rstrip("/"), client) as visitor:
        visitor.open().click("Log in")
        form = client.get(visitor.sent_to)
        form.raise_for_status()
        client.post(form.url, data={"sub": user}).raise_for_status()
