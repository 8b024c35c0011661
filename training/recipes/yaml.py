"""YAML files checked by pydantic: what is wrong in one is a sentence with the file and the line."""

from collections.abc import Sequence
from pathlib import Path
from typing import TypeVar

import yaml
from pydantic import BaseModel, ValidationError

from virialff.errors import ConfigError

_Model = TypeVar("_Model", bound=BaseModel)


def load_yaml(path: Path, model: type[_Model], what: str) -> _Model:
    """Read a file of settings; `what` names its kind in errors ("recipe").

    Raises ConfigError with the file, the line and the key of the first thing that is wrong.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except OSError as error:
        raise ConfigError(f"The {what} {path} cannot be read: {error.strerror}.") from error
    except UnicodeDecodeError as error:
        raise ConfigError(f"The {what} {path} is not valid YAML: {error}.") from error
    return parse_yaml(text, model, what, path)


def parse_yaml(text: str, model: type[_Model], what: str, path: Path | None = None) -> _Model:
    """The same from text; `path` is the file that it came from, for errors."""
    try:
        content = yaml.safe_load(text)
    except yaml.YAMLError as error:
        name = f"The {what} {path}" if path else f"The {what}"
        raise ConfigError(f"{name} is not valid YAML: {' '.join(str(error).split())}.") from error
    place = path or what
    if repeated := repeated_key(text):
        raise ConfigError(f"{place}, line {repeated[1]}: {repeated[0]} is given twice: keep one of them.")
    try:
        return model.model_validate(content)
    except ValidationError as error:
        first = error.errors()[0]
        keys = [str(key) for key in first["loc"]]
        unknown = first["type"] in ("extra_forbidden", "unexpected_keyword_argument")
        problem = "unknown key" if unknown else first["msg"].removeprefix("Value error, ")
        raise ConfigError(
            f"{place}, line {line_of(text, keys)}: {'.'.join(keys) or f'the {what}'}: {problem}."
        ) from error


def line_of(text: str, keys: Sequence[str]) -> int:
    """Line of the deepest of `keys` (names, or positions in a list) that the YAML has, counted from 1."""
    node = yaml.compose(text)
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


def repeated_key(text: str) -> tuple[str, int] | None:
    """The first key that a mapping has twice, and the line of its second place; YAML itself would take the last."""
    waiting = [yaml.compose(text)]
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
