"""Import of the published files of QMugs into a label store; an import that was stopped goes on where it was."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from virialff.labels.imports.qmugs import structures, summary
from virialff.labels.imports.qmugs.problems import ConformerId, Problem, Problems, Reason, Refused
from virialff.labels.imports.qmugs.rows import Level, check_structure, make_label, task_name, used_tags
from virialff.labels.imports.qmugs.structures import (
    ArchiveDamaged,
    ArchiveFile,
    Structure,
    parse_structure,
    stream_archive,
)
from virialff.labels.imports.qmugs.summary import Summary, read_summary
from virialff.labels.store import LabelStore, Writer

#: Structures of the archive whose rows share a part of the store.
PART_SIZE = 10_000


@dataclass(frozen=True)
class ImportReport:
    """What an import found. Rows that are in the store from before count as rows, not as new ones.

    Every run finds the same problems, apart from unused tags: those of rows from before are not looked at again.
    """

    n_summary_rows: int
    n_structures: int  #: conformers in the archive
    rows: Counter[Level]  #: rows in the store now, by level
    new_rows: Counter[Level]  #: of them written by this run
    problems: Counter[Reason]
    examples: dict[Reason, list[Problem]]
    complete: bool  #: the archive was read to its end


@dataclass
class _Run:
    """State of one import."""

    store: LabelStore
    levels: Sequence[Level]
    any_geometry: bool
    done: set[str]
    problems: Problems
    rows: Counter[Level]
    new_rows: Counter[Level]


def import_qmugs(
    folder: Path,
    store: LabelStore,
    *,
    levels: Sequence[Level] = ("dft",),
    any_geometry: bool = False,
    on_problem: Callable[[Problem], None] | None = None,
    progress: Callable[[int, int], None] | None = None,
    part_size: int = PART_SIZE,
) -> ImportReport:
    """Join `summary.csv` with the streamed `structures.tar.gz` of a folder and append the rows to a store.

    Every conformer is a task of its own, so a run that was killed loses at most one, and a second run adds what is
    missing: after a cut archive was replaced, too. What is not taken is counted by reason and given to `on_problem`;
    `progress(structures read, rows of the summary)` is called for every structure.

    any_geometry: also take energies of another geometry than the record's, marked in `detail`.

    Raises DatasetError for missing or foreign files and the errors of `LabelStore.writer`.
    """
    problems = Problems(on_problem)
    table = read_summary(_either(folder, summary.FILE), problems)
    done = store.tasks() if store.path.exists() else set()
    run = _Run(store, levels, any_geometry, done, problems, Counter(), Counter())
    seen = np.zeros(len(table.keys), dtype=bool)
    n_structures, complete = 0, True
    parts = _Parts(store, part_size)
    with parts.open():
        try:
            for number, file in enumerate(_conformers(stream_archive(folder / structures.FILE), problems)):
                assert file.conformer is not None
                n_structures += 1
                parts.at(number)
                _import_one(run, table, seen, file, file.conformer, parts)
                if progress is not None:
                    progress(n_structures, table.n_rows)
            parts.finish()
        except ArchiveDamaged as error:
            # The last part stays open for what a whole archive has to add.
            complete = False
            problems.add(Reason.CUT_OFF, structures.FILE, str(error))
    for index in np.flatnonzero(~seen).tolist():
        name = str(table.conformer(index))
        problems.add(Reason.NO_STRUCTURE, name, "the archive has no structure" if complete else "the archive is cut")
    return ImportReport(
        table.n_rows, n_structures, run.rows, run.new_rows, problems.counts, problems.examples, complete
    )


def _either(folder: Path, name: str) -> Path:
    """The file of that name, or its gzipped form where only that is there."""
    compressed = folder / f"{name}.gz"
    return compressed if compressed.exists() and not (folder / name).exists() else folder / name


def _conformers(files: Iterator[ArchiveFile], problems: Problems) -> Iterator[ArchiveFile]:
    for file in files:
        if file.conformer is None:
            problems.add(Reason.FOREIGN_FILE, file.name, "its name is not CHEMBL<n>/conf_<nn>.sdf")
        else:
            yield file


def _import_one(
    run: _Run, table: Summary, seen: np.ndarray, file: ArchiveFile, conformer: ConformerId, parts: _Parts
) -> None:
    index = table.find(conformer)
    try:
        if index is None:
            raise Refused(Reason.NO_ROW, "the summary has no row")
        if seen[index]:
            raise Refused(Reason.DOUBLE_STRUCTURE, f"{file.name} repeats an earlier structure")
        seen[index] = True
        row = table.row(index)
        if row.saddle:
            run.problems.add(Reason.SADDLE, str(conformer), "the summary marks significant negative wavenumbers")
        missing = [level for level in run.levels if task_name(conformer, level) not in run.done]
        run.rows.update(set(run.levels) - set(missing))
        if not missing:
            return
        if file.content is None:
            raise Refused(Reason.UNREADABLE, f"its file is larger than {structures.MAX_RECORD_BYTES} bytes")
        structure = parse_structure(file.content)
        check_structure(structure, conformer, row)
    except Refused as refused:
        run.problems.add(refused.reason, str(conformer), refused.text)
        return
    _report_unused_tags(run, structure, conformer)
    for level in missing:
        try:
            label = make_label(structure, conformer, row, level, any_geometry=run.any_geometry)
        except Refused as refused:
            run.problems.add(refused.reason, str(conformer), refused.text)
            continue
        parts.writer(level).append([label])
        run.done.add(label.task)
        run.rows[level] += 1
        run.new_rows[level] += 1


def _report_unused_tags(run: _Run, structure: Structure, conformer: ConformerId) -> None:
    used = {tag for level in run.levels for tag in used_tags(level)}
    missing = [tag for tag in structures.TAGS if tag not in structure.tags and tag not in used]
    if missing:
        run.problems.add(Reason.UNUSED_TAG, str(conformer), f"without {', '.join(missing)}")


class _Parts:
    """The parts of the store that are written: one a level for every `size` structures of the archive."""

    def __init__(self, store: LabelStore, size: int) -> None:
        self._store = store
        self._size = size
        self._number = 0
        self._writers: dict[Level, Writer] = {}

    @contextmanager
    def open(self) -> Iterator[None]:
        """Whatever happens inside, the parts are let go of at the end."""
        try:
            yield
        finally:
            self._close()

    def at(self, structure: int) -> None:
        """Finish the parts before that of this structure, counted from 0."""
        if structure // self._size != self._number:
            self.finish()
            self._number = structure // self._size

    def writer(self, level: Level) -> Writer:
        """The part for the rows of a level; another one if it was finished without them."""
        if level not in self._writers:
            base = f"{task_part(level)}_{self._number:05d}"
            writer, again = self._store.writer(base), 0
            while writer.finished:
                writer.close()
                again += 1
                writer = self._store.writer(f"{base}_{again}")
            self._writers[level] = writer
        return self._writers[level]

    def finish(self) -> None:
        """Turn the parts into their final form, those that an earlier run left behind included."""
        for level in ("dft", "gfn2"):
            base = f"{task_part(level)}_{self._number:05d}"
            if any(self._store.path.glob(f"{base}*.journal")):
                self.writer(level)
        for writer in self._writers.values():
            if writer.tasks:
                writer.finish()
        self._close()

    def _close(self) -> None:
        for writer in self._writers.values():
            writer.close()
        self._writers = {}


def task_part(level: Level) -> str:
    """First part of the names of the files with the rows of a level."""
    return f"qmugs_{level}"
