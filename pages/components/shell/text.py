"""Text from users and files, made safe to show."""

import re
from collections.abc import Sequence

_MARKDOWN = re.compile(r"([\\`*_{}\[\]()#+\-.!|<>~:$&@^=])")
# Streamlit's Markdown makes links of these after it has taken the escapes away.
_ADDRESS = re.compile(r"(https?:(?=//)|www(?=\.))", re.IGNORECASE)
_WORD_JOINER = "\u2060"
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069]")


def plain(text: str, *, limit: int = 400) -> str:
    """The text with every Markdown character escaped and control characters removed, cut at `limit` characters.

    Streamlit shows errors, captions and labels as Markdown, in which a title could make links or load images. An
    address of the web has an invisible character in it, without which it would become a link.
    """
    return _MARKDOWN.sub(r"\\\1", _ADDRESS.sub(rf"\1{_WORD_JOINER}", one_line(text, limit=limit)))


def one_line(text: str, *, limit: int = 400) -> str:
    """The text on one line without control characters, for places that show it as it is."""
    cleaned = _CONTROL.sub(" ", text).strip()
    return cleaned if len(cleaned) <= limit else cleaned[: limit - 1] + "…"


_WORD = re.compile(r"[^\W\d_]+(?:['’-][^\W\d_]+)*[,;:]?(?:\s|$)")


def sentence(error: Exception | str) -> str:
    """An error as a sentence for `st.error`: escaped, capital first letter, full stop.

    The name of a file or method that it begins with stays as it is: "butane.sdf: ...", "gfn2 has no ...".
    """
    text = one_line(str(error))
    if _WORD.match(text):
        text = text[:1].upper() + text[1:]
    return plain(text if text.endswith((".", "!", "?")) else text + ".")


def listed(lines: Sequence[str], most: int) -> str:
    """Lines that are safe to show as a list, of which the first `most` are shown and the others counted."""
    shown = [f"- {line}" for line in lines[:most]]
    if len(lines) > most:
        shown.append(f"- and {len(lines) - most} more")
    return "\n".join(shown)


def file_stem(text: str, default: str = "molecule") -> str:
    """A safe file name from a title: letters, digits, dots, dashes and underscores only."""
    return re.sub(r"[^A-Za-z0-9._-]+", "_", text).strip("._")[:60] or default


def subscripted(formula: str) -> str:
    """A molecular formula with its numbers as subscripts."""
    return formula.translate(str.maketrans("0123456789", "₀₁₂₃₄₅₆₇₈₉"))
