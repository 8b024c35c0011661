"""Many molecules of one file at once: their charges and pair parameters as tables to download."""

from functools import partial

import streamlit as st

from pages.components.shell import state
from pages.components.shell.model import chosen_name
from pages.components.shell.text import plain
from pages.components.widgets import molecule_set
from pages.components.widgets.show import download, zipped
from pages.components.widgets.tasks import Contained
from virialff.models import registry
from virialff.models.force_field import Model
from virialff.parameters.samples import ParameterSample
from virialff.text import counted

#: Rows of a CSV that the app makes; larger ones are for the command line.
_MOST_ROWS = 1_000_000
_ROWS_SHOWN = 1000


def many_molecules(model: Model) -> None:
    """An expander with the upload, the progress, the tables and their downloads."""
    state.stays_open("batch")
    place = st.expander("Many molecules at once", icon=":material/dynamic_feed:", on_change="rerun", key="batch")
    if not place.open:
        return
    with place:
        st.caption(
            f"Up to {molecule_set.MAX_RECORDS:,} molecules of a file with the model {plain(model.name)}. Distributions "
            "over the same molecules are on the page Parameters."
        )
        molecules = molecule_set.uploaded_set("batch_upload", "SDF, SMILES or CSV file with many molecules")
        if molecules is None:
            return
        name = chosen_name() or registry.default_name()
        samples, contained = molecule_set.parameters(molecules, [name], by_itself=True)
        if contained is None:
            return
        st.caption(plain(contained.remark) + ".")
        molecule_set.show_failures(molecule_set.failures_table(samples, contained), "batch")
        sample = samples.get(name)
        if sample is not None and sample.n_molecules:
            _results(sample, contained)


def _results(sample: ParameterSample, contained: Contained) -> None:
    table = sample.molecules_table(contained.names)
    shown = table.head(_ROWS_SHOWN).rename(columns={"charge_sum_e": "sum of charges (e)"})
    shown["sum of charges (e)"] = shown["sum of charges (e)"].round(5) + 0.0  # no negative zero
    st.dataframe(
        shown,
        hide_index=True,
        height=min(38 + 35 * len(table), 300),
        column_config={"sum of charges (e)": st.column_config.NumberColumn(format="%.5f")},
    )
    if len(table) > _ROWS_SHOWN:
        st.caption(f"The first {_ROWS_SHOWN:,} of {counted(len(table), 'molecule')}; the downloads have all.")
    tables = {
        "batch_molecules.csv": ("Molecules", sample.molecules_table, sample.n_molecules),
        "batch_charges.csv": ("Charges", sample.charges_table, len(sample.charges)),
        "batch_atom_pairs.csv": ("Atom pairs", sample.pairs_table, sample.n_pairs),
    }
    small = {file: partial(make, contained.names) for file, (_, make, rows) in tables.items() if rows <= _MOST_ROWS}
    with st.container(horizontal=True):
        download("All tables (ZIP)", lambda: zipped(small), "batch.zip", type="primary")
        for file, (label, make, rows) in tables.items():
            download(f"{label} (CSV)", partial(make, contained.names), file, disabled=rows > _MOST_ROWS)
    if sample.n_pairs > _MOST_ROWS:
        st.caption(
            f"{sample.n_pairs:,} atom pairs are too many for a download here: the command `virialff params` writes "
            "them to a file."
        )
