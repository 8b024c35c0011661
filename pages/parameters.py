"""Page Parameters: distributions of charges, sigma, R_min and epsilon over many molecules (Fig. 11 and 12)."""

import hashlib
from pathlib import Path
from typing import cast

import streamlit as st

from pages.components.parameters.distribution_view import distribution_view
from pages.components.shell.entry import enter_through_app
from pages.components.shell.model import active_model, chosen_name
from pages.components.shell.state import KEPT, LINKED
from pages.components.shell.text import one_line, plain
from pages.components.widgets import molecule_set
from pages.components.widgets.card import model_card
from pages.components.widgets.molecule_set import MoleculeSet
from pages.components.widgets.show import download
from pages.components.widgets.tasks import Drawn
from virialff.labels.molecule_samples import MAX_MOLECULES, Contents
from virialff.labels.splits import DEFAULT_FRACTIONS, Split
from virialff.models import registry
from virialff.models.card_form import division_of
from virialff.parameters.samples import ParameterSample
from virialff.settings import ASSETS

_SHIPPED = {"GFN2-xTB molecules": "gfn2.parquet", "DFT molecules": "dft.parquet"}
_UPLOAD = "My own file"
_SPLITS = ("test", "validation", "train", "all")


def choose_set() -> MoleculeSet | None:
    """A draw from a shipped data set, or an upload."""
    present = [name for name, file in _SHIPPED.items() if (ASSETS / "data" / file).is_file()]
    options = [*present, _UPLOAD]
    with st.container(horizontal=True, vertical_alignment="bottom"):
        choice = st.segmented_control(
            "Molecules from", options, default=options[0], required=True, key="data", **LINKED
        )
        if choice != _UPLOAD:
            drawing = st.popover("Which of them")
    if choice == _UPLOAD:
        return molecule_set.uploaded_set("parameters_upload", "SDF, SMILES or CSV file with many molecules")
    path = ASSETS / "data" / _SHIPPED[choice or options[0]]
    with drawing:
        count = st.number_input("Number of molecules", 10, MAX_MOLECULES, 300, key="count", width=180, **LINKED)
        contents = st.selectbox("Of", ["molecules", "complexes"], key="contents", width=150, **LINKED)
        split = st.selectbox(
            "Part",
            _SPLITS,
            key="split",
            help="As the active model's training divided the data: it never saw the test part.",
            width=150,
            **LINKED,
        )
        seed = st.number_input("Random seed", 0, 2**31 - 1, 1, key="draw_seed", width=150, **LINKED)
    return drawn_set(path, int(count), cast(Contents, contents), split, int(seed))


def drawn_set(path: Path, count: int, contents: Contents, split: str, seed: int) -> MoleculeSet:
    """A draw with the split of the active model."""
    division = division_of(active_model().card)
    low, middle, high = division.get("fractions") or DEFAULT_FRACTIONS
    source = Drawn(
        str(path),
        count,
        None if split == "all" else cast(Split, split),
        contents,
        seed,
        int(division.get("seed") or 0),
        (float(low), float(middle), float(high)),
    )
    state = path.stat()
    return MoleculeSet(source, hashlib.sha256(repr((source, state.st_size, state.st_mtime_ns)).encode()).hexdigest())


def choose_models() -> list[str]:
    """Names of the models to compare, the active one first."""
    names = [model.name for model in registry.registered_models()]
    active = chosen_name() or registry.default_name()
    if len(names) == 1:
        return names
    chosen = st.pills(
        "Models",
        names,
        selection_mode="multi",
        default=[active] if active in names else names[:1],
        format_func=one_line,
        key=f"parameter_models_{active}_{'_'.join(names)}",
        **KEPT,
    )
    return [name for name in names if name in chosen]


def tables(samples: dict[str, ParameterSample]) -> None:
    """The molecules with their summed charges."""
    with st.expander("The molecules, and their summed charges"):
        for name, sample in samples.items():
            table = sample.molecules_table()
            st.markdown(f"**{plain(name)}**")
            shown = table.rename(columns={"charge_sum_e": "sum of charges (e)"})
            shown["sum of charges (e)"] = shown["sum of charges (e)"].round(5) + 0.0  # no negative zero
            st.dataframe(
                shown,
                hide_index=True,
                height=260,
                column_config={"sum of charges (e)": st.column_config.NumberColumn(format="%.5f")},
            )
            download("Molecules (CSV)", table, "molecules.csv", key=f"molecules_csv_{name}")


enter_through_app()
st.title("Parameters")
st.markdown("See how the predicted parameters are distributed over many molecules, and what is behind each bar.")
active = active_model()
chosen_set = choose_set()
models = choose_models()
if chosen_set is None:
    st.info("Nothing to show yet: upload a file, or choose one of the data sets.", icon=":material/arrow_upward:")
elif not models:
    st.info("Choose at least one model.")
else:
    samples, contained = molecule_set.parameters(chosen_set, models, by_itself=True)
    if contained is not None:
        st.caption(plain(contained.remark) + ".")
        molecule_set.show_failures(molecule_set.failures_table(samples, contained), "parameters")
    filled = {name: sample for name, sample in samples.items() if sample.n_molecules}
    if filled:
        sizes = "_".join(f"{name}_{sample.n_molecules}" for name, sample in filled.items())
        whole = not molecule_set.is_computing(chosen_set)
        distribution_view(filled, f"{chosen_set.key}_{sizes}", whole=whole)
        tables(filled)
model_card(active)
