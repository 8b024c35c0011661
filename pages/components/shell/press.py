"""Buttons that act by what the page says when they are drawn after the press.

Streamlit calls `on_click` with the arguments that the button was last drawn with: what was typed or chosen just before
the press may not be among them. And a run that is interrupted before it comes to the button forgets that it was
pressed. Here the press is kept until the button is drawn, or until a whole run of the page has ended without it.
"""

from collections.abc import Callable
from typing import Any

import streamlit as st

_PRESSED = "pressed_buttons"


def button(label: str, act: Callable[[], object], *, key: str = "", disabled: bool = False, **options: Any) -> None:
    """A button that calls `act` and then has the page drawn anew; `key` is needed where two have the same label.

    `act` must not set values of widgets that are drawn above; those are for `on_click`. options: of `st.button`.
    """
    key = key or f"press_{label}"
    st.button(label, key=key, disabled=disabled, on_click=_press, args=(key,), **options)
    pressed: set[str] = st.session_state.get(_PRESSED, set())
    if key in pressed and not disabled:
        pressed.discard(key)
        act()
        st.rerun()


def forget() -> None:
    """At the end of a run of a whole page: what was pressed and is not drawn any more is not done later."""
    st.session_state.pop(_PRESSED, None)


def _press(key: str) -> None:
    st.session_state.setdefault(_PRESSED, set()).add(key)
