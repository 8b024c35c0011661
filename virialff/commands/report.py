"""How commands hand over what they find of molecules: text, JSON lines or one file, and the exit code."""

from __future__ import annotations

import argparse
import contextlib
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any, NamedTuple

from virialff.commands import ExitCode
from virialff.commands.messages import complain, say
from virialff.commands.output import (
    DOCUMENTS,
    STRUCTURES,
    TABLES,
    Content,
    Output,
    Piece,
    encoded,
    form_of,
)
from virialff.documents import document, json_text
from virialff.errors import MoleculeError
from virialff.text import counted, fixed

if TYPE_CHECKING:
    import pandas as pd

    from virialff.commands.inputs import BadRecord, Origin, Record


#: Data fields of a conformer (from 0) that say where it comes from; none where there is one input.
Place = Callable[[int], Mapping[str, str]]


def add_output_arguments(parser: argparse.ArgumentParser, structures: Sequence[str] = STRUCTURES) -> None:
    """Declare the forms of output, of geometries these; text is the default."""
    forms = (*TABLES, *DOCUMENTS, *structures)
    parser.set_defaults(forms=forms)
    form = parser.add_mutually_exclusive_group()
    form.add_argument("--json", action="store_true", help="print one JSON object a line for each molecule")
    form.add_argument(
        "-o",
        "--output",
        metavar="FILE",
        help=f"write one file of all molecules, by its suffix {', '.join(forms)}, also with .gz; '-' prints CSV",
    )


#: Makes the rows of several results at once: one table, and how many rows of it are of each.
Join = Callable[[Sequence[Any]], "tuple[pd.DataFrame, Sequence[int]]"]


class Portion(NamedTuple):
    """What a report collected of some molecules: a piece of the file, its rows or documents, how many were done."""

    piece: Piece | None
    size: int
    done: int
    failed: int


class Report:
    """Collects the results of a run, printing each as soon as it is there; failures go to standard error.

    kind: what the JSON documents are, see `virialff.documents`. join: makes tables of what `add` was given for them.
    """

    def __init__(self, arguments: argparse.Namespace, kind: str, join: Join | None = None) -> None:
        self._kind = kind
        self._join = join
        self._to_join: list[tuple[dict[str, Any], Any]] = []
        self._json: bool = arguments.json
        self._output: str | None = arguments.output
        #: Of the file to write.
        self._form = "" if self._output is None else form_of(self._output, arguments.forms)
        self._tables: list[pd.DataFrame] = []
        self._documents: list[dict[str, Any]] = []
        self._structures: list[str] = []
        #: Of each record by its label: the conformers' places in the input, where there are several.
        self._origins: dict[str, tuple[Origin, ...]] = {}
        #: Of each record by its label: number in the file and title of the molecule, and what was said of it.
        self._identities: dict[str, dict[str, Any]] = {}
        self._notes: dict[str, list[str]] = defaultdict(list)
        self._done = 0
        self._failed = 0
        self._received_done = self._received_failed = self._size = 0
        self._file = None if self._output is None else Output(self._output, self._form)
        self._written = False

    def begin(self, item: Record | BadRecord) -> None:
        """Tell which record a label stands for, and what was said in reading it."""
        file = {"file": item.file} if item.file else {}
        self._identities[item.label] = file | {"record": item.number or None, "name": item.name}
        self._origins[item.label] = item.origins if len({origin.file for origin in item.origins}) > 1 else ()
        self._notes[item.label] += item.notes

    def add(
        self,
        label: str,
        *,
        text: Callable[[], str],
        record: Callable[[], dict[str, Any]],
        table: Callable[[], Any],
        structures: Callable[[str, Place], str] | None = None,
    ) -> None:
        """Hand over one molecule's result in the form that was asked for; the other forms are not made.

        table: gives a table, or what `join` makes one of. structures: gives the text of the molecule's geometries in a
        form of `output.STRUCTURES`, with the data fields that say where each comes from; may raise MoleculeError.
        """
        if self._form in STRUCTURES and structures is not None:
            try:
                self._structures.append(structures(self._form, self.place(label)))
            except MoleculeError as error:
                self.fail(label, error.message)
                return
        self._done += 1
        if self._json or self._form in DOCUMENTS:
            content = record()
            # Some notes only come with the result.
            self.keep(label, content.pop("notes", ()))
            self._hand_over(label, content)
        elif self._form in TABLES and self._join is not None:
            self._to_join.append((self._identities[label], table()))
        elif self._form in TABLES:
            rows = table()
            for column, value in reversed(self._identities[label].items()):
                rows.insert(0, column, value)
            for number, origin in enumerate(self._origins[label], start=1):
                of_it = rows["conformer"] == number
                rows.loc[of_it, "file"], rows.loc[of_it, "record"] = origin.file, origin.number
            self._tables.append(rows)
        elif not self._form:
            print("\n".join([text(), *self._where_from(label)]), end="\n\n", flush=True)

    def place(self, label: str) -> Place:
        """The data fields of each conformer of a record that say where it comes from."""
        return partial(self._place, label)

    def _place(self, label: str, conformer: int) -> dict[str, str]:
        if self._origins[label]:
            origin = self._origins[label][conformer]
            return {"FILE": origin.file, "RECORD": str(origin.number)}
        known = self._identities[label]
        return {"FILE": known["file"], "RECORD": str(known["record"])} if "file" in known else {}

    def _where_from(self, label: str) -> Iterable[str]:
        for number, origin in enumerate(self._origins[label], start=1):
            yield f"  conformer {number} is record {origin.number} of {origin.file}"

    def keep_conformers(self, label: str, kept: Iterable[int]) -> None:
        """Of a record's conformers only these (from 0) are left, in this order."""
        if self._origins[label]:
            self._origins[label] = tuple(self._origins[label][int(index)] for index in kept)

    def summarise(self, text: str, content: dict[str, Any]) -> None:
        """What holds for all molecules together: the last lines of the text, the last JSON document."""
        if self._json:
            print(json_text(f"{self._kind}_summary", content), flush=True)
        elif self._form in DOCUMENTS:
            self._documents.append(document(f"{self._kind}_summary", content))
        elif self._form:
            say(text)
        else:
            print(text)

    def fail(self, label: str, reason: str) -> None:
        """Name a record that gives no result, and why; JSON carries it too."""
        self.complain(label, reason)
        if self._json or self._form in DOCUMENTS:
            self._hand_over(label, {"error": reason})

    def _hand_over(self, label: str, content: dict[str, Any]) -> None:
        notes = [note for note in dict.fromkeys(self._notes.pop(label, ())) if note != content.get("error")]
        if "error" not in content and self._origins[label]:
            content["conformers_from"] = [
                {"file": origin.file, "record": origin.number} for origin in self._origins[label]
            ]
        content = self._identities[label] | content | {"notes": notes}
        if self._json:
            print(json_text(self._kind, content), flush=True)
        else:
            self._documents.append(document(self._kind, content))

    def keep(self, label: str, notes: Iterable[str]) -> None:
        """What was said of a record on standard error, for JSON."""
        self._notes[label] += notes

    def complain(self, label: str, reason: str) -> None:
        """Name a part of a record that failed; the record may still give a result."""
        self._failed += 1
        self.keep(label, [reason])
        # A file that cannot be read at all has no record.
        named = label if self._identities[label]["record"] is None else f"record {label}"
        complain(f"{named}: {reason}")

    def portion(self) -> Portion:
        """What was collected since the last one, which is forgotten here."""
        import pandas as pd

        content: Content | None = None
        if self._to_join:
            self._tables = [self._joined()]
        if self._tables:
            content = pd.concat(self._tables, ignore_index=True)
        elif self._documents:
            content = self._documents
        elif self._structures:
            content = "".join(self._structures)
        size = 0 if isinstance(content, str) or content is None else len(content)
        found = Portion(None if content is None else encoded(self._form, content), size, self._done, self._failed)
        self._tables, self._documents, self._structures, self._to_join = [], [], [], []
        self._done = self._failed = 0
        for known in (self._origins, self._identities, self._notes):
            known.clear()
        return found

    def _joined(self) -> pd.DataFrame:
        import numpy as np
        import pandas as pd

        assert self._join is not None
        identities, results = zip(*self._to_join, strict=True)
        rows, counts = self._join(results)
        places = np.repeat(np.arange(len(identities)), counts)
        for column in reversed(identities[0]):
            known = pd.Series([identity[column] for identity in identities])
            rows.insert(0, column, pd.Series(known.array.take(places)))
        return rows

    def receive(self, portion: Portion) -> None:
        """Write what was collected in a portion, here or in another process.

        Raises ConfigError where the file cannot be written.
        """
        self._received_done += portion.done
        self._received_failed += portion.failed
        self._size += portion.size
        if portion.piece is not None and self._file is not None:
            self._written = True
            self._file.add(portion.piece)

    def __enter__(self) -> Report:
        return self

    def __exit__(self, *error: Any) -> None:
        if self._file is not None:
            self._file.__exit__(*error)

    def finish(self) -> ExitCode:
        """Write the file, if one was asked for, and return the exit code.

        Raises ConfigError where the file cannot be written.
        """
        with self._file or contextlib.nullcontext():
            self.receive(self.portion())
        self._file = None
        done, failed = self._received_done, self._received_failed
        if self._written and self._output != "-":
            what = counted(self._size, "row" if self._form in TABLES else "document")
            what = "the geometries" if self._form in STRUCTURES else what
            say(f"wrote {what} of {counted(done, 'molecule')} to {self._output}")
        if done == 0:
            if failed == 0:
                complain("the input holds no molecule")
            return ExitCode.INPUT
        return ExitCode.SOME_FAILED if failed else ExitCode.OK


def plain(table: pd.DataFrame, decimals: int = 4) -> str:
    """A table as aligned text; undefined values are a dash."""
    return table.to_string(index=False, float_format=partial(fixed, decimals=decimals), na_rep="-")
