"""What is in a label store: counts, the figures of its make-up (Fig. 1 to 3), its rows one by one."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd
import streamlit as st

from pages.components.data import tasks as data_tasks
from pages.components.data.tasks import Contents
from pages.components.shell import background
from pages.components.shell.state import KEPT, LINKED
from pages.components.shell.text import file_stem, one_line, plain, sentence
from pages.components.widgets.show import download, show_figure, without_signed_zeros, wrapped_table
from pages.components.widgets.structure import structure
from virialff.errors import VirialffError
from virialff.figures.datasets import element_count_figure, energy_per_atom_figure, molecule_size_figure
from virialff.labels.browse import RowFilter, RowPage, atom_table, label_at, rows, summary_of
from virialff.labels.schema import KINDS, Label
from virialff.labels.splits import DEFAULT_FRACTIONS, PAPER_FRACTIONS, Fractions
from virialff.labels.summary import LevelSummary
from virialff.molecules.molecule import Molecule
from virialff.text import counted

_SPLITS: dict[str, Fractions] = {
    "88 / 4 / 8, as the recipes": (0.88, 0.04, 0.08),
    "80 / 10 / 10": DEFAULT_FRACTIONS,
    "74.8 / 6.5 / 18.7, as the paper": PAPER_FRACTIONS,
}
_RECIPE_SEED = 2026
_ROWS_A_PAGE = 100
_MOST_KEPT = 8
_REASONS_SHOWN = 12

Version = tuple[tuple[str, int, int], ...]


def version_of(path: Path) -> Version:
    """Name, time and size of every file of a store: changes when its content does."""
    files = [path] if path.is_file() else sorted([*path.glob("*.parquet"), *path.glob("*.journal")])
    found = []
    for file in files:
        try:
            facts = file.stat()
        except FileNotFoundError:
            continue  # a journal that has just become a Parquet file
        found.append((file.name, facts.st_mtime_ns, facts.st_size))
    return tuple(found)


class _Kept:
    """Contents by store, version and split for all sessions; the latest ones."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._contents: OrderedDict[tuple[object, ...], Contents] = OrderedDict()

    def get(self, key: tuple[object, ...]) -> Contents | None:
        with self._lock:
            return self._contents.get(key)

    def put(self, key: tuple[object, ...], contents: Contents) -> None:
        with self._lock:
            self._contents[key] = contents
            while len(self._contents) > _MOST_KEPT:
                self._contents.popitem(last=False)


@st.cache_resource(show_spinner=False)
def _kept() -> _Kept:
    return _Kept()


def contents_of(path: Path) -> Contents | None:
    """Choice of the split, then the contents; None while they are counted, with progress."""
    with st.container(horizontal=True):
        split = st.selectbox(
            "Split: train / validation / test (%)", list(_SPLITS), key="data_split", **LINKED, width=320
        )
        seed = st.number_input(
            "Seed of the split",
            value=_RECIPE_SEED,
            step=1,
            key="data_seed",
            width=180,
            help="Molecules are split by the first block of the InChIKey and this seed.",
            **LINKED,
        )
    fractions = _SPLITS[split]
    key = (str(path), version_of(path), int(seed), fractions)
    found = _kept().get(key)
    if found is not None:
        return found
    name = f"contents_{hash(key)}"
    kept = _kept()

    def count() -> None:
        background.start(
            name,
            data_tasks.contents,
            str(path),
            int(seed),
            fractions,
            title="Counting the rows",
            keep=lambda result: kept.put(key, result),
        )

    background.begin(name, "Count the rows", count)
    result: Contents | None = background.show(name)
    return result


def left_out(reasons: Sequence[str]) -> None:
    """Which files of the store are not among what is shown, and why."""
    for reason in reasons:
        st.error(sentence(reason), title="A file of this store is left out")


def counts(contents: Contents) -> None:
    """Counts by level of theory: kinds, details, elements, failures."""
    left_out(contents.summary.damaged)
    for level in contents.summary.levels:
        st.markdown(f"**{plain(level.level_of_theory)}**")
        with st.container(horizontal=True, gap="medium"):
            st.metric("Rows", f"{level.rows:,}", width="content")
            st.metric("Molecules and complexes", f"{level.systems:,}", width="content")
            st.metric("With forces", f"{level.with_forces:,}", width="content")
            st.metric("With kinetic energies", f"{level.with_kinetic_terms:,}", width="content")
            st.metric("Failures", f"{level.failed:,}", width="content")
            st.metric("Computing time (h)", f"{level.hours:,.1f}", width="content")
        _level_tables(level)
    download("Counts (CSV)", lambda: contents.summary.table(), "counts.csv")


def _level_tables(level: LevelSummary) -> None:
    tables = {
        "kind": pd.DataFrame(
            [(kind, level.kinds[kind]) for kind in KINDS if kind in level.kinds], columns=["kind", "rows"]
        ),
        "detail": pd.DataFrame(level.details.most_common(), columns=["detail", "rows"]),
        "source": pd.DataFrame(level.sources.most_common(), columns=["source", "rows"]),
        "element": pd.DataFrame(
            [(symbol, count, level.atoms[symbol]) for symbol, count in level.elements.most_common()],
            columns=["element", "rows", "atoms"],
        ),
    }
    tables["detail"]["detail"] = tables["detail"]["detail"].str.replace("_", " ")
    with st.container(horizontal=True):
        for name, table in tables.items():
            height = min(38 + 35 * len(table), 213)
            st.dataframe(table, hide_index=True, height=height, width=405, key=f"by_{name}_{level.level_of_theory}")
    if level.failures:
        with st.expander(f"Why there is no label: {counted(level.failed, 'row')}"):
            reasons = pd.DataFrame(level.failures.most_common(), columns=["reason", "rows"])
            st.dataframe(reasons, hide_index=True, height=min(38 + 35 * len(reasons), 38 + 35 * _REASONS_SHOWN))


def make_up(contents: Contents) -> None:
    """Fig. 1 to 3 by split, and their tables."""
    if not contents.statistics:
        st.info("There are no labels to count yet.")
        return
    levels = list(contents.statistics)
    level = levels[0]
    if len(levels) > 1:
        level = st.segmented_control(
            "Level of theory",
            levels,
            default=levels[0],
            required=True,
            format_func=plain,
            key=f"make_up_level_{'_'.join(levels)}",
            **KEPT,
        )
    statistics = contents.statistics[level or levels[0]]
    overview = statistics.overview().rename(
        columns={
            "molecules_percent": "molecules (%)",
            "atoms_per_molecule": "atoms per molecule",
            "energy_per_atom_mean_kcal_per_mol": "mean energy per atom (kcal/mol)",
            "energy_per_atom_deviation_kcal_per_mol": "deviation (kcal/mol)",
        }
    )
    st.dataframe(overview.round(2), hide_index=True)
    st.markdown("**Atoms of each element in a molecule** (Fig. 1)")
    show_figure(element_count_figure(statistics), key="figure_1", alt="Molecules by number of atoms of an element")
    left, right = st.columns(2, gap="medium")
    with left:
        st.markdown("**Atoms in a molecule** (Fig. 2)")
        show_figure(molecule_size_figure(statistics), key="figure_2", alt="Molecules by number of atoms")
    with right:
        st.markdown("**Total energy per atom** (Fig. 3)")
        show_figure(energy_per_atom_figure(statistics), key="figure_3", alt="Conformers by energy per atom")
    stem = file_stem(statistics.level_of_theory, "labels")
    with st.container(horizontal=True):
        for label, table in (
            ("Elements", statistics.element_count_table),
            ("Sizes", statistics.size_table),
            ("Energies", statistics.energy_table),
        ):
            download(f"{label} (CSV)", table, f"{stem}_{label.lower()}.csv")


@st.cache_data(show_spinner="Looking through the rows…", max_entries=16)
def _page(path: str, version: Version, chosen: RowFilter, start: int) -> RowPage:
    return rows(path, chosen, start=start, count=_ROWS_A_PAGE)


def browse(path: Path) -> None:
    """A filter, a page of the rows that fit, and the row that is chosen in the table."""
    with st.container(horizontal=True, vertical_alignment="bottom"):
        text = st.text_input("Name, InChIKey, source or reason contains", key="rows_text", width=320, **LINKED)
        kinds = st.multiselect("Kind", list(KINDS), key="rows_kinds", width=320, **LINKED)
        what = st.segmented_control(
            "Show", ["all", "labels", "failures"], default="all", required=True, key="rows_what", **LINKED
        )
    failures = {"labels": False, "failures": True}.get(what or "all")
    chosen = RowFilter(kinds=tuple(kinds), text=text, failures=failures)
    place = f"{path}_{chosen}"
    try:
        first = _page(str(path), version_of(path), chosen, 0)
        n_pages = max(1, -(-first.n_fitting // _ROWS_A_PAGE))
        number = 1
        if n_pages > 1:
            number = st.number_input(
                f"Page, of {n_pages:,}", 1, n_pages, 1, key=f"rows_page_{place}", width=180, **KEPT
            )
        page = first if number == 1 else _page(str(path), version_of(path), chosen, (int(number) - 1) * _ROWS_A_PAGE)
    except VirialffError as error:
        st.error(sentence(error), title="The rows cannot be read")
        return
    left_out(page.damaged)
    st.caption(f"{page.n_fitting:,} of {counted(page.n_rows, 'row')} fit. Click the box before a row to see it.")
    if not len(page.table):
        return
    event = st.dataframe(
        without_signed_zeros(page.table, 2),
        hide_index=True,
        height=320,
        on_select="rerun",
        selection_mode="single-row",
        key=f"rows_table_{place}_{number}",
        column_config={
            name: st.column_config.NumberColumn(format="%.2f") for name in page.table.columns if "kcal/mol" in name
        },
        placeholder="–",
    )
    selected = event.selection.rows
    if selected:
        _one_row(path, int(page.table["row"].iloc[selected[0]]))


def _one_row(path: Path, number: int) -> None:
    try:
        label = label_at(path, number)
    except VirialffError as error:
        st.error(sentence(error))
        return
    st.markdown(f"**Row {number:,}**")
    left, right = st.columns(2, gap="medium")
    with left:
        wrapped_table(summary_of(label))
    with right:
        _geometry(label)
    table = atom_table(label)
    st.dataframe(table, hide_index=True, height=min(38 + 35 * len(table), 320))
    download("Atoms (CSV)", table, f"{file_stem(label.identifier)}.csv")
    with st.popover("Settings of the calculation"):
        st.code(one_line(label.settings, limit=4000), language="json", wrap_lines=True)


def _geometry(label: Label) -> None:
    if label.positions is None or not label.n_atoms:
        st.info("This row has no geometry.", title="No 3D view")
        return
    molecule = Molecule.from_arrays(label.numbers, label.bonds, label.orders)
    charges = np.zeros(label.n_atoms) if label.charges is None else label.charges
    structure(molecule, label.positions, charges, labels="none", flat=False, height=400, key="label_view")
    st.caption(
        "Grey: the label has no charges." if label.charges is None else f"Charges: {plain(label.charge_scheme or '')}."
    )
