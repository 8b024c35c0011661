"""What the link that opened a session says and the app cannot use: its name is said, and what stands there instead.

The value is not: who makes a link would put words of their own into the app.

Streamlit takes the value of a field from the address where it fits, and drops it without a word where it does not.
"""

from collections.abc import Sequence
from typing import Any

import streamlit as st

from pages.components.shell.text import plain

_GIVEN = "link_values"
_LEFT = "link_values_left"


def remember() -> None:
    """Before the page of the first run: what the address says of each field."""
    if _GIVEN not in st.session_state:
        st.session_state[_GIVEN] = {name: st.query_params.get_all(name) for name in st.query_params}


def say_unusable(name: str, why: str = "") -> None:
    """Say that this part of the link cannot be used; `why` ends the sentence."""
    st.warning(plain(f"What the link says of {name} cannot be used{why}."), icon=":material/link:")


def say_left_out() -> None:
    """After the page, where the sentences are to stand: what its fields did not take, as long as it is left so."""
    given: dict[str, list[str]] = st.session_state[_GIVEN]
    left: dict[str, Any] = st.session_state.setdefault(_LEFT, {})
    for name in [name for name in given if name in st.session_state]:
        texts = given.pop(name)
        value = st.session_state[name]
        if st.query_params.get_all(name) != texts and not _says(texts, value):
            left[name] = value
    for name, value in list(left.items()):
        if name not in st.session_state or st.session_state[name] != value:
            del left[name]
            continue
        instead = f"; the page has {_word(value)} instead" if _word(value) else ""
        say_unusable(name, instead)


def _says(texts: Sequence[str], value: Any) -> bool:
    """Whether these texts of an address are the value of a field."""
    if isinstance(value, (list, tuple)):
        return list(texts) == [str(each) for each in value]
    text = texts[-1] if texts else ""
    if isinstance(value, bool):
        return text.lower() == str(value).lower()
    if isinstance(value, (int, float)):
        try:
            return float(text) == value
        except ValueError:
            return False
    return text == ("" if value is None else str(value))


def _word(value: Any) -> str:
    if isinstance(value, bool):
        return "on" if value else "off"
    if isinstance(value, (list, tuple)):
        return ", ".join(str(each) for each in value)
    return "" if value is None else str(value)
