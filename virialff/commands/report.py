"""How `params` and `energy` hand over results: text, JSON lines or one CSV table, and the exit code they add up to."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from virialff.commands import ExitCode
from virialff.commands.messages import complain, say
from virialff.errors import ConfigError

if TYPE_CHECKING:
    import pandas as pd


def add_output_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the forms of output; text is the default."""
    form = parser.add_mutually_exclusive_group()
    form.add_argument("--json", action="store_true", help="print one JSON object a line for each molecule")
    form.add_argument("-o", "--output", metavar="FILE.csv", help="write one CSV table of all molecules; '-' prints it")


class Report:
    """Collects the results of a run, printing each as soon as it is there; failures go to standard error."""

    def __init__(self, arguments: argparse.Namespace) -> None:
        self._json: bool = arguments.json
        self._output: str | None = arguments.output
        self._tables: list[pd.DataFrame] = []
        self._done = 0
        self._failed = 0

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
            print(json.dumps({"record": label} | record(), ensure_ascii=False, allow_nan=False), flush=True)
        elif self._output is not None:
            rows = table()
            rows.insert(0, "record", label)
            self._tables.append(rows)
        else:
            print(text(), end="\n\n", flush=True)

    def fail(self, label: str, reason: str) -> None:
        """Name a record that gives no result, and why; JSON carries it too."""
        self.complain(label, reason)
        if self._json:
            print(json.dumps({"record": label, "error": reason}, ensure_ascii=False), flush=True)

    def complain(self, label: str, reason: str) -> None:
        """Name a part of a record that failed; the record may still give a result."""
        self._failed += 1
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
        say(f"wrote {len(table)} rows of {self._done} molecules to {output}")


def plain(table: pd.DataFrame) -> str:
    """A table as aligned text; undefined values are a dash."""
    return table.to_string(index=False, float_format="{:.4f}".format, na_rep="-")
