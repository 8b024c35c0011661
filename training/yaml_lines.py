"""Where in a YAML file an entry stands, so that an error can name the line."""

from collections.abc import Sequence

import yaml


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
