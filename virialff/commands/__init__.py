"""The commands of `virialff`, one module each, and the protocol they share with the commands that plug in.

A command is a module (or any object) with `SUMMARY`, a line for the list of commands, `add_arguments(parser)` and
`run(arguments)`, which returns an exit code. Another package adds one by an entry point of the group
`virialff.commands` that names such a module. Modules import nothing heavy at their top, so that help is instant.
"""

from __future__ import annotations

import argparse
from enum import IntEnum
from typing import Protocol

GROUP = "virialff.commands"


class ExitCode(IntEnum):
    """What the exit status of every command means."""

    OK = 0
    SOME_FAILED = 1
    USAGE = 2
    INPUT = 3
    UNAVAILABLE = 4
    FAULT = 70
    INTERRUPTED = 130
    BROKEN_PIPE = 141


class Command(Protocol):
    """What a command module offers."""

    SUMMARY: str

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        """Declare the command's own arguments."""

    def run(self, arguments: argparse.Namespace) -> int:
        """Do it and return an exit code; raise VirialffError for what a person can put right."""


def add_command(
    subparsers: argparse._SubParsersAction[argparse.ArgumentParser], name: str, command: Command
) -> argparse.ArgumentParser:
    """The parser of `command` under `name`, with its help from the module."""
    parser = subparsers.add_parser(
        name,
        help=command.SUMMARY,
        description=command.__doc__,
    )
    command.add_arguments(parser)
    return parser
