"""YAML files checked by pydantic: what is wrong in one is a sentence with the file and the line.

What is read is plain: mappings, lists and scalars within limits. Anchors, aliases and tags, with which a small file can
fill the memory or ask for other types, are refused, and dates stay text.
"""

import math
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any, TypeVar

import yaml
from pydantic import BaseModel, ValidationError

from virialff import seals
from virialff.errors import ConfigError
from virialff.files import disk_problem
from virialff.text import without_control

_Model = TypeVar("_Model", bound=BaseModel)

#: Limits of a file of settings; the largest preset has 6 kB and 200 values, 4 deep.
MOST_BYTES, MOST_NODES, MOST_DEPTH = 2**20, 20_000, 20
#: NUL, other control characters and halves of characters, which escapes in quotes can write.
_NO_TEXT = re.compile("[\x00-\x08\x0b-\x1f\x7f\ud800-\udfff]")
#: Kinds of plain scalars that are read as something else than text.
_SCALARS = ("bool", "int", "float", "null")
#: Digits of a number, beyond which it is none of a setting.
_LONGEST_NUMBER = 100


class _Refused(Exception):
    """What YAML allows and a file of settings has no need for."""

    def __init__(self, problem: str, place: yaml.Node | yaml.Event) -> None:
        super().__init__(problem)
        self.line = 1 + (place.start_mark.line if place.start_mark else 0)


class _Loader(yaml.SafeLoader):
    """Composes and constructs plain YAML within the limits."""

    # Not as in SafeLoader: dates, merge keys and `=` are text like any other.
    yaml_implicit_resolvers = {  # noqa: RUF012
        first: [(tag, form) for tag, form in resolvers if tag.rpartition(":")[2] in _SCALARS]
        for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
    }

    def __init__(self, text: str) -> None:
        super().__init__(text)
        self._nodes = self._depth = 0

    def compose_node(self, parent: yaml.Node | None, index: Any) -> yaml.Node | None:
        event = self.peek_event()
        self._nodes += 1
        if isinstance(event, yaml.AliasEvent) or event.anchor is not None:
            raise _Refused("anchors and aliases (& and *) are not read: write the values out", event)
        if event.tag is not None:
            raise _Refused("tags (!) are not read: leave them out", event)
        if self._nodes > MOST_NODES:
            raise _Refused(f"there are more than {MOST_NODES:,} values", event)
        if self._depth == MOST_DEPTH:
            raise _Refused(f"it is nested more than {MOST_DEPTH} deep", event)
        self._depth += 1
        node: yaml.Node | None = super().compose_node(parent, index)
        self._depth -= 1
        if isinstance(parent, yaml.MappingNode) and index is None and not isinstance(node, yaml.ScalarNode):
            raise _Refused("a key is no plain text", event)
        return node

    def construct_object(self, node: yaml.Node, deep: bool = False) -> Any:
        if node.tag.rpartition(":")[2] in _SCALARS and len(node.value) > _LONGEST_NUMBER:
            raise _Refused("a number has too many digits", node)
        try:
            value = super().construct_object(node, deep=deep)
        except (ValueError, ArithmeticError) as error:
            raise _Refused(f"{node.value!r} is no number", node) from error
        if isinstance(value, float) and not math.isfinite(value):
            raise _Refused(f"{node.value} is no finite number", node)
        if isinstance(value, str) and _NO_TEXT.search(value):
            raise _Refused("it has a character that no text has", node)
        return value


def load_yaml(path: Path, model: type[_Model], what: str) -> _Model:
    """Read a file of settings; `what` names its kind in errors ("recipe").

    Raises ConfigError with the file, the line and the key of the first thing that is wrong.
    """
    try:
        with path.open("rb") as file:
            content = file.read(MOST_BYTES + 1)
    except OSError as error:
        raise ConfigError(f"The {what} {path} cannot be read: {error.strerror or disk_problem(error)}.") from error
    if (damage := seals.problem_in(content)) is not None:
        raise ConfigError(
            f"The {what} {path} was changed after it was put there, or is damaged ({damage}): restore it, or take out "
            "its last line if it was changed on purpose."
        )
    if len(content) > MOST_BYTES:
        raise ConfigError(f"The {what} {path} is not valid YAML for it: it is larger than {MOST_BYTES // 2**20} MiB.")
    try:
        text = content.decode("utf-8")
    except UnicodeDecodeError as error:
        line = content[: error.start].count(b"\n") + 1
        raise ConfigError(f"The {what} {path} is not valid YAML: line {line} is no text in UTF-8.") from error
    return parse_yaml(text, model, what, path)


def parse_yaml(text: str, model: type[_Model], what: str, path: Path | None = None) -> _Model:
    """The same from text; `path` is the file that it came from, for errors."""
    place = path or what
    if len(text) > MOST_BYTES:
        raise ConfigError(f"The {what} is larger than {MOST_BYTES // 2**20} MiB.")
    try:
        loader = _Loader(text)
        node = loader.get_single_node()
        repeated = repeated_key(node)
        content = None if node is None else loader.construct_document(node)
    except _Refused as error:
        raise ConfigError(f"{place}, line {error.line}: {error}.") from error
    except (yaml.YAMLError, RecursionError) as error:
        name = f"The {what} {path}" if path else f"The {what}"
        # It quotes the text, in which there may be what cannot be shown.
        raise ConfigError(f"{name} is not valid YAML: {without_control(' '.join(str(error).split()))}.") from error
    if repeated is not None:
        raise ConfigError(
            f"{place}, line {repeated[1]}: {without_control(repeated[0])} is given twice: keep one of them."
        )
    try:
        return model.model_validate(content)
    except ValidationError as error:
        first = error.errors()[0]
        keys = [str(key) for key in first["loc"]]
        key = without_control(".".join(keys))
        unknown = first["type"] in ("extra_forbidden", "unexpected_keyword_argument")
        problem = "unknown key" if unknown else without_control(first["msg"].removeprefix("Value error, "))
        raise ConfigError(f"{place}, line {line_of(node, keys)}: {key or f'the {what}'}: {problem}.") from error


def line_of(node: yaml.Node | None, keys: Sequence[str]) -> int:
    """Line of the deepest of `keys` (names, or positions in a list) that the YAML has, counted from 1."""
    line = 1
    for key in keys:
        if isinstance(node, yaml.SequenceNode) and key.isdecimal() and int(key) < len(node.value):
            node = node.value[int(key)]
            line = node.start_mark.line + 1
        elif isinstance(node, yaml.MappingNode):
            found = [(name, value) for name, value in node.value if name.value == key]
            if not found:
                break
            line, node = found[0][0].start_mark.line + 1, found[0][1]
        else:
            break
    return line


def repeated_key(node: yaml.Node | None) -> tuple[str, int] | None:
    """The first key that a mapping has twice, and the line of its second place; YAML itself would take the last."""
    waiting = [node]
    while waiting:
        node = waiting.pop()
        if isinstance(node, yaml.MappingNode):
            names: set[str] = set()
            for name, value in node.value:
                if name.value in names:
                    return name.value, name.start_mark.line + 1
                names.add(name.value)
                waiting.append(value)
        elif isinstance(node, yaml.SequenceNode):
            waiting += node.value
    return None
