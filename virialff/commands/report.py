"""How commands hand over what they find of molecules: text, JSON lines or one CSV table, and the exit code."""

from __future__ import annotations

import argparse
import sys
from collections import defaultdict
from collections.abc import Callable, Iterable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from virialff.commands import ExitCode
from virialff.commands.messages import complain, say
from virialff.documents import json_text
from virialff.errors import ConfigError
from virialff.text import counted, fixed

if TYPE_CHECKING:
    import pandas as pd

    from virialff.commands.inputs import BadRecord, Record


def add_output_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the forms of output; text is the default."""
    form = parser.add_mutually_exclusive_group()
    form.add_argument("--json", action="store_true", help="print one JSON object a line for each molecule")
    form.add_argument("-o", "--output", metavar="FILE.csv", help="write one CSV table of all molecules; '-' prints it")


class Report:
    """Collects the results of a run, printing each as soon as it is there; failures go to standard error.

    kind: what the JSON documents are, see `virialff.documents`.
    """

    def __init__(self, arguments: argparse.Namespace, kind: str) -> None:
        self._kind = kind
        self._json: bool = arguments.json
        self._output: str | None = arguments.output
        self._tables: list[pd.DataFrame] = []
        #: Of each record by its label: number in the file and title of the molecule, and what was said of it.
        self._identities: dict[str, dict[str, Any]] = {}
        self._notes: dict[str, list[str]] = defaultdict(list)
        self._done = 0
        self._failed = 0

    def begin(self, item: Record | BadRecord) -> None:
        """Tell which record a label stands for, and what was said in reading it."""
        self._identities[item.label] = {"record": item.number, "name": item.name}
        self._notes[item.label] += item.notes

    def add(
        self,
        label: str,
        *,
        text: Callable[[], str],
        record: Callable[[], dict[str, Any]],
        table: Callable[[], pd.DataFrame],
    ) -> None:
        """Hand over one molecule's result in the form that was asked for; the other forms are not made."""
        self._done += 1
        if self._json:
            content = record()
            # Some notes only come with the result.
            self.keep(label, content.pop("notes", ()))
            self._print(label, content)
        elif self._output is not None:
            rows = table()
            for column, value in reversed(self._identities[label].items()):
                rows.insert(0, column, value)
            self._tables.append(rows)
        else:
            print(text(), end="\n\n", flush=True)

    def fail(self, label: str, reason: str) -> None:
        """Name a record that gives no result, and why; JSON carries it too."""
        self.complain(label, reason)
        if self._json:
            self._print(label, {"error": reason})

    def _print(self, label: str, content: dict[str, Any]) -> None:
        notes = [note for note in dict.fromkeys(self._notes.pop(label, ())) if note != content.get("error")]
        print(json_text(self._kind, self._identities[label] | content | {"notes": notes}), flush=True)

    def keep(self, label: str, notes: Iterable[str]) -> None:
        """What was said of a record on standard error, for JSON."""
        self._notes[label] += notes

    def complain(self, label: str, reason: str) -> None:
        """Name a part of a record that failed; the record may still give a result."""
        self._failed += 1
        self.keep(label, [reason])
        complain(f"record {label}: {reason}")

    def finish(self) -> ExitCode:
        """Write the CSV table, if one was asked for, and return the exit code.

        Raises ConfigError where the file cannot be written.
        """
        if self._tables and self._output is not None:
            self._write(self._output)
        if self._done == 0:
            if self._failed == 0:
                complain("the input holds no molecule")
            return ExitCode.INPUT
        return ExitCode.SOME_FAILED if self._failed else ExitCode.OK

    def _write(self, output: str) -> None:
        import pandas as pd

        from virialff.parameters.tables import to_csv

        table = pd.concat(self._tables, ignore_index=True)
        text = to_csv(table)
        if output == "-":
            sys.stdout.write(text)
            return
        try:
            Path(output).write_text(text, encoding="utf-8")
        except OSError as error:
            raise ConfigError(f"{output} cannot be written: {error.strerror}") from error
        say(f"wrote {counted(len(table), 'row')} of {counted(self._done, 'molecule')} to {output}")


def plain(table: pd.DataFrame, decimals: int = 4) -> str:
    """A table as aligned text; undefined values are a dash."""
    return table.to_string(index=False, float_format=partial(fixed, decimals=decimals), na_rep="-")
