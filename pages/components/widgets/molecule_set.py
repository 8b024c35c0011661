"""Many molecules, drawn from a data set or uploaded, and their predicted parameters, kept by content."""

import hashlib
import threading
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial

import pandas as pd
import streamlit as st

from pages.components.shell import background, press
from pages.components.shell.model import named_model
from pages.components.shell.on_disk import on_disk
from pages.components.shell.text import one_line, plain, sentence
from pages.components.widgets.show import download
from pages.components.widgets.tasks import Contained, Drawn, ModelTask, Part, Uploaded, predict
from virialff.errors import VirialffError
from virialff.models import registry
from virialff.parameters.samples import MAX_PAIRS, ParameterSample

MAX_RECORDS = 10_000
UPLOAD_TYPES = ["sdf", "mol", "smi", "smiles", "csv", "xyz", "pdb"]
_FAILURES_IN_FULL = 8
#: What is computed without being asked for, in seconds: so many molecules, or a file of so many bytes.
_FEW, _SMALL_FILE = 500, 50_000
#: Pairs that the app keeps in all, about 20 bytes each on disk; the least recently used sets go first.
_MOST_PAIRS = 3 * MAX_PAIRS


@dataclass(frozen=True)
class MoleculeSet:
    """Where molecules come from, and the key of their content."""

    source: Drawn | Uploaded
    key: str


@dataclass
class Predicted:
    """What one model has computed of a set."""

    parts: list[ParameterSample] = field(default_factory=list)
    complete: bool = False
    cut: bool = False

    @property
    def sample(self) -> ParameterSample:
        """All parts as one."""
        if len(self.parts) != 1:
            self.parts = [ParameterSample.join(self.parts)]
        return self.parts[0]

    @property
    def n_done(self) -> int:
        return sum(part.n_molecules + len(part.failures) for part in self.parts)


class Store:
    """Predicted parameters by set and model, shared by all sessions; they carry no names and no coordinates."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._predicted: OrderedDict[tuple[str, str], Predicted] = OrderedDict()
        self._contained: OrderedDict[str, Contained] = OrderedDict()

    def contained(self, key: str) -> Contained | None:
        with self._lock:
            return self._contained.get(key)

    def predicted(self, key: str, model: str) -> Predicted | None:
        """A copy of what there is, so that a part that arrives meanwhile does not change it."""
        with self._lock:
            found = self._predicted.get((key, model))
            if found is None:
                return None
            self._predicted.move_to_end((key, model))
            _ = found.sample
            return Predicted(list(found.parts), found.complete, found.cut)

    def keeper(self, key: str) -> Callable[[object], None]:
        """Takes what the worker reports about this set."""

        def keep(item: object) -> None:
            with self._lock:
                if isinstance(item, Contained):
                    self._contained[key] = item
                    while len(self._contained) > 64:
                        self._contained.popitem(last=False)
                elif isinstance(item, Part):
                    entry = self._predicted.setdefault((key, item.key), Predicted())
                    # Another session may be computing the same set: a part that is there already is not added.
                    if item.start == entry.n_done and not entry.complete:
                        entry.parts.append(item.sample)
                        entry.complete, entry.cut = item.last, item.cut
                        if item.last:
                            entry.parts = [on_disk(entry.sample)]
                        self._drop()

        return keep

    def _drop(self) -> None:
        sizes = {place: sum(part.n_pairs for part in entry.parts) for place, entry in self._predicted.items()}
        while sum(sizes.values()) > _MOST_PAIRS and len(sizes) > 1:
            oldest, _ = self._predicted.popitem(last=False)
            del sizes[oldest]


@st.cache_resource(show_spinner=False)
def store() -> Store:
    """The one store of this server."""
    return Store()


def uploaded_set(key: str, label: str) -> MoleculeSet | None:
    """A file uploader for up to MAX_RECORDS records; None while there is no file. It outlives a change of page."""
    st.file_uploader(
        label,
        type=UPLOAD_TYPES,
        key=key,
        on_change=_take_file,
        args=(key,),
        help=f"SDF, SMILES, CSV with a column of SMILES, XYZ or PDB, up to {MAX_RECORDS:,} records. Hydrogens are "
        "added to drawings; geometries must have theirs.",
    )
    kept: MoleculeSet | None = st.session_state.get(f"{key}_kept")
    if kept is not None and st.session_state[key] is None and isinstance(kept.source, Uploaded):
        st.caption(f"From the file {plain(kept.source.file_name)}, given before.")
    return kept


def _take_file(key: str) -> None:
    file = st.session_state[key]
    if file is None:
        st.session_state.pop(f"{key}_kept", None)
        return
    data = file.getvalue()
    suffix = file.name.rpartition(".")[2].lower()
    digest = hashlib.sha256(suffix.encode() + data).hexdigest()
    st.session_state[f"{key}_kept"] = MoleculeSet(Uploaded(data, file.name, MAX_RECORDS), digest)


def model_tasks(names: list[str]) -> dict[str, ModelTask]:
    """The models of these names that can be found, with their sha256; a sentence for each of the others."""
    found = {}
    for name in names:
        try:
            entry = registry.find(name)
            found[name] = ModelTask(named_model(name).sha256, name, str(entry.folder), 0)
        except VirialffError as error:
            st.error(sentence(error), title=f"The model {one_line(name)} cannot be used")
    return found


def parameters(
    molecules: MoleculeSet, names: list[str], *, by_itself: bool = False
) -> tuple[dict[str, ParameterSample], Contained | None]:
    """What is known of the set by each model, with the buttons to compute the rest and to stop.

    by_itself: a small set is computed without a button, once in a session, so that Stop stops it.
    """
    tasks = model_tasks(names)
    job = f"parameters_{molecules.key}"
    if background.running(job):
        background.show(job)
    known = {name: store().predicted(molecules.key, task.key) for name, task in tasks.items()}
    contained = store().contained(molecules.key)
    missing = [
        ModelTask(task.key, task.label, task.folder, entry.n_done if entry else 0)
        for name, task in tasks.items()
        if (entry := known[name]) is None or not entry.complete
    ]
    nothing = contained is not None and contained.n_molecules == 0
    first = background.is_first_time(job)
    if by_itself and missing and first and _is_small(molecules) and not background.running(job):
        _begin(job, molecules, tuple(missing))
        # What ends at once is known to the next run, which asks for it first.
        st.rerun()
    if missing and not background.running(job) and not nothing:
        background.show(job)
        started = any(task.n_done for task in missing)
        press.button(
            "Go on" if started else "Compute parameters",
            partial(_begin, job, molecules, tuple(missing)),
            key="compute_parameters",
            type="primary",
            icon=":material/play_arrow:",
        )
        if started and contained is not None:
            done = ", ".join(f"{plain(task.label)} {task.n_done:,} of {contained.n_molecules:,}" for task in missing)
            st.caption(f"Not complete yet. Molecules with parameters: {done}.")
    if any(entry is not None and entry.cut for entry in known.values()):
        st.warning(f"The set has more than {MAX_PAIRS:,} atom pairs; the molecules up to there were computed.")
    return {name: entry.sample for name, entry in known.items() if entry is not None}, contained


def is_computing(molecules: MoleculeSet) -> bool:
    """Whether this session computes the set, so that what there is of it is a part."""
    return background.running(f"parameters_{molecules.key}")


def _is_small(molecules: MoleculeSet) -> bool:
    source = molecules.source
    return source.count <= _FEW if isinstance(source, Drawn) else len(source.data) <= _SMALL_FILE


def _begin(job: str, molecules: MoleculeSet, missing: tuple[ModelTask, ...]) -> None:
    keep = store().keeper(molecules.key)
    background.start(job, predict, molecules.source, missing, title="Parameters", keep=keep)


def failures_table(samples: dict[str, ParameterSample], contained: Contained | None) -> pd.DataFrame:
    """What could not be read or computed: stage, molecule, reason, as plain text."""
    rows = [("reading", "", one_line(reason)) for reason in (contained.failures if contained else ())]
    for name, sample in samples.items():
        rows += [(f"model {one_line(name)}", smiles, one_line(reason)) for smiles, reason in sample.failures]
    return pd.DataFrame(rows, columns=["at", "molecule (SMILES)", "reason"])


def show_failures(table: pd.DataFrame, stem: str) -> None:
    """The table of failures with its download; nothing where there are none."""
    if table.empty:
        return
    n = len(table)
    st.warning(f"{n:,} {'molecule gives' if n == 1 else 'molecules give'} no result; the table says why.")
    if n <= _FAILURES_IN_FULL:
        # It wraps the reasons, which st.dataframe would cut, and takes its cells for Markdown.
        st.table(table.loc[:, (table != "").any()].map(plain), hide_index=True)
    else:
        st.dataframe(table, hide_index=True, height=220)
    download("Failures (CSV)", table, f"{stem}_failures.csv")
