"""Whether files of ours are damaged, of whatever kind: label stores row by row, others by the checksums they carry.

Runs, jobs, campaigns and models are folders of such files. What has no checksum, because it is older or a person wrote
it, is read as far as that can tell.
"""

from __future__ import annotations

import gzip
import zipfile
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path

import pyarrow as pa

from virialff import seals
from virialff.documents import MOST_BYTES, read_json, read_lines
from virialff.errors import DocumentError, StoreError, VirialffError
from virialff.files import PARTIAL, disk_problem
from virialff.labels.check import CheckResult, Problem, check
from virialff.labels.store import LabelStore
from virialff.models.checkpoint import CARD_FILE, MAX_BYTES, load_checkpoint, load_members
from virialff.text import reason_of

_LABELS = (".parquet", ".journal")
#: A folder of runs is not searched without end.
_MOST_FILES = 20_000


def check_all(path: Path, *, progress: Callable[[int], None] | None = None) -> CheckResult:
    """Check a file, or every file of a folder and of those in it; `progress` as `check`'s.

    Problems of rows have their number, problems of a whole file None. Raises StoreError if there is nothing there.
    """
    if not path.exists():
        LabelStore(path).files()
    folders = {path} if path.is_dir() else set[Path]()
    stores, others = set[Path](), []
    for file in [path] if path.is_file() else _files_of(path):
        if file.suffix in _LABELS:
            # The files of a folder are one store, in which no row is twice.
            stores.add(path if path.is_file() else file.parent)
        elif file.suffix in _CHECKS:
            others.append(file)
        folders.add(file.parent)
    found = [check(store, progress=progress) for store in sorted(stores)]
    problems = [problem for result in found for problem in result.problems]
    problems += [Problem(file, None, "", sentence) for file in others for sentence in _sentences(file)]
    problems += [
        Problem(folder / CARD_FILE, None, "", sentence) for folder in sorted(folders) for sentence in _of_model(folder)
    ]
    rows = sum(result.rows for result in found)
    return CheckResult(sum(result.files for result in found) + len(others), rows, tuple(problems))


def _files_of(folder: Path) -> list[Path]:
    found = []
    for file in folder.rglob("*"):
        if file.is_file() and not file.is_symlink() and not file.name.endswith(PARTIAL):
            found.append(file)
        if len(found) > _MOST_FILES:
            raise StoreError(f"{folder} has more than {_MOST_FILES:,} files: give one of the folders in it.")
    return sorted(found)


def _sentences(file: Path) -> Iterator[str]:
    try:
        reason = seals.problem(file)
        if reason is not None:
            yield f"{file} is damaged: {reason}."
            return
        yield from (f"{file} is damaged: {sentence}." for sentence in _CHECKS[file.suffix](file))
    except OSError as error:
        yield f"{disk_problem(error)}."


def _of_json(file: Path) -> Iterator[str]:
    try:
        card = file.name == CARD_FILE
        read_json(file, most_bytes=MAX_BYTES[CARD_FILE] if card else MOST_BYTES, finite=not card)
    except DocumentError as error:
        yield str(error)


def _of_lines(file: Path) -> Iterator[str]:
    try:
        for number, reason in read_lines(file).damaged:
            yield f"its line {number} is passed over: {reason}"
    except DocumentError as error:
        yield str(error)


def _of_arrow(file: Path) -> Iterator[str]:
    try:
        reader = pa.ipc.open_file(pa.memory_map(str(file)))
        for index in range(reader.num_record_batches):
            reader.get_batch(index).validate(full=True)
    except (pa.ArrowException, ValueError) as error:
        yield reason_of(error)


def _of_zip(file: Path) -> Iterator[str]:
    try:
        with zipfile.ZipFile(file) as archive:
            torn = archive.testzip()
    except (zipfile.BadZipFile, zlib.error, EOFError, ValueError, NotImplementedError, RuntimeError) as error:
        yield reason_of(error)
        return
    if torn is not None:
        yield f"the checksum of its part {torn} is another"


def _of_gzip(file: Path) -> Iterator[str]:
    try:
        with gzip.open(file) as content:
            while content.read(2**20):
                pass
    except (gzip.BadGzipFile, zlib.error, EOFError) as error:
        yield reason_of(error)


def _of_parameters(file: Path) -> Iterator[str]:
    if not (file.parent / CARD_FILE).is_file():
        yield f"there is no {CARD_FILE} beside it, which has its sha256"


def _of_text(file: Path) -> Iterator[str]:
    try:
        file.read_text(encoding="utf-8")
    except UnicodeDecodeError as error:
        yield f"its byte {error.start} is no text in UTF-8"


def _of_model(folder: Path) -> Iterator[str]:
    """What keeps a model folder from being used; nothing of a folder that is none."""
    if not (folder / CARD_FILE).is_file():
        return
    try:
        model = load_checkpoint(folder)
        load_members(folder, model.card, model.network.config)
    except VirialffError as error:
        yield str(error)


_CHECKS: dict[str, Callable[[Path], Iterator[str]]] = {
    ".json": _of_json,
    ".jsonl": _of_lines,
    ".arrow": _of_arrow,
    ".pt": _of_zip,
    ".gz": _of_gzip,
    ".safetensors": _of_parameters,
    ".yaml": _of_text,
}
