"""The parser of every command: what is wrong with a command line is said by the command itself, in one sentence."""

from __future__ import annotations

import argparse
import difflib
import math
import sys
from collections.abc import Iterable, Sequence
from typing import Any, NoReturn

from virialff import __version__
from virialff.errors import ConfigError
from virialff.text import shortened


class UsageError(ConfigError):
    """An option with a value that cannot be; the message begins with the option's name."""


class Parser(argparse.ArgumentParser):
    """An argument parser with the options that every command has, and files and options in any order.

    What it does not know it reports itself, where argparse leaves that to the parser above it.
    """

    def __init__(self, **settings: Any) -> None:
        settings.setdefault("formatter_class", argparse.RawDescriptionHelpFormatter)
        super().__init__(**settings)
        self._in_parts = False
        self.register("type", int, _whole_number)
        self.register("type", float, _number)
        if self.add_help:
            self.add_argument(
                "-q",
                "--quiet",
                action="store_true",
                default=argparse.SUPPRESS,
                help="no notes and no progress on standard error; errors stay",
            )
            self.add_argument("-V", "--version", action="version", version=f"virialff {__version__}")

    def parse_known_args(  # type: ignore[override]
        self, args: Sequence[str] | None = None, namespace: argparse.Namespace | None = None
    ) -> tuple[argparse.Namespace, list[str]]:
        if self._in_parts:
            return super().parse_known_args(args, namespace)
        words = list(sys.argv[1:] if args is None else args)
        self._check_options(words)
        if self._subparsers is None and any(
            action.nargs == argparse.ONE_OR_MORE and not action.option_strings for action in self._actions
        ):
            self._in_parts = True
            try:
                found, extras = self.parse_known_intermixed_args(words, namespace)
            finally:
                self._in_parts = False
        else:
            found, extras = super().parse_known_args(words, namespace)
        if extras:
            self.error(self._unknown(extras[0]))
        if "parser" not in found:
            found.parser = self
        return found, []

    def _check_options(self, words: Sequence[str]) -> None:
        """Name an option that there is not before anything else is missed."""
        for word in words:
            if word == "--" or (self._subparsers is not None and not word.startswith("-")):
                break
            name = word.partition("=")[0]
            known = self._option_string_actions
            if name.startswith("--") and " " not in name and not any(option.startswith(name) for option in known):
                self.error(self._unknown(word))

    def _unknown(self, word: str) -> str:
        if not word.startswith("-"):
            return f"{shortened(word)!r} is one argument too many"
        name = word.partition("=")[0]
        guess = _guess(name, self._option_string_actions)
        if not guess and self._subparsers is not None:
            guess = "; options come after the name of the command"
        return f"there is no option {shortened(name)}{guess}"

    def _check_value(self, action: argparse.Action, value: Any) -> None:
        choices = None if action.choices is None else [str(choice) for choice in action.choices]
        if choices is None or str(value) in choices:
            return
        guess = _guess(str(value), choices) or f"; choose from {', '.join(choices)}"
        if isinstance(action, argparse._SubParsersAction):
            kind = (action.metavar or "command") if isinstance(action.metavar, str) else "command"
            raise argparse.ArgumentError(None, f"there is no {kind.lower()} {shortened(str(value))!r}{guess}")
        raise argparse.ArgumentError(action, f"{shortened(str(value))!r} is none of {', '.join(choices)}")

    def error(self, message: str) -> NoReturn:
        """Print the usage and one sentence, and leave with exit code 2."""
        super().error(" ".join(message.split()))


def option_of(parser: argparse.ArgumentParser, setting: str) -> str:
    """The option of a command for a setting of the library, "" where it has none."""
    action = parser._option_string_actions.get(f"--{setting}") if setting else None
    return "" if action is None else "/".join(action.option_strings)


def _guess(name: str, known: Iterable[str]) -> str:
    near = difflib.get_close_matches(name, list(known), n=1, cutoff=0.7)
    return f"; did you mean {near[0]}?" if near else ""


def _whole_number(text: str) -> int:
    try:
        return int(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{shortened(text)!r} is not a whole number") from None


def _number(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not math.isfinite(value):
        raise argparse.ArgumentTypeError(f"{shortened(text)!r} is not a number")
    return value


def positive_int(text: str) -> int:
    """Argument type: an integer of at least 1."""
    value = _whole_number(text)
    if value < 1:
        raise argparse.ArgumentTypeError(f"{text} is not a positive number")
    return value


def positive(text: str) -> float:
    """Argument type: a number above 0."""
    value = _number(text)
    if value <= 0:
        raise argparse.ArgumentTypeError(f"{text} is not positive")
    return value


def not_negative(text: str) -> float:
    """Argument type: a number of at least 0."""
    value = _number(text)
    if value < 0:
        raise argparse.ArgumentTypeError(f"{text} is negative")
    return value
