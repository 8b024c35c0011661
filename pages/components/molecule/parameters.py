"""Distributions of sigma and epsilon by relation and element pair (Fig. 11)."""

import pandas as pd
import streamlit as st

from pages.components.widgets.figure import show_figure
from virialff.figures import TYPICAL_VALUES, pair_parameter_histogram
from virialff.models.force_field import ForceField
from virialff.parameters.pairs import (
    LONG_RANGE_RELATIONS,
    commonest_element_pairs,
    element_pair_labels,
    pair_parameter_summary,
)

_DEFAULT_COLORED = 4
_MOST_COLORED = 7
_MEANING = {
    "1-3": "atoms two bonds apart",
    "1-4": "atoms three bonds apart",
    "further": "atoms four or more bonds apart",
    "intermolecular": "atoms of different molecules",
}


@st.fragment
def parameter_distributions(force_field: ForceField) -> None:
    """Relation and element pairs to choose, histograms of sigma and epsilon, medians, and what is undefined."""
    pairs = force_field.pairs
    present = [relation for relation in LONG_RANGE_RELATIONS if (pairs["relation"] == relation).any()]
    if not present:
        st.info("All atoms of this molecule are bonded to each other: there are no non-bonded pairs.")
        return
    relation = st.segmented_control(
        "Pairs that are",
        present,
        default=present[-1],
        required=True,
        key=f"relation_{'_'.join(present)}",
        persist_state="session",
    )
    relation = relation or present[-1]
    chosen = pairs[pairs["relation"] == relation]
    st.caption(f"**{relation}**: {_MEANING[relation]}; {len(chosen)} pairs.")
    ranked = commonest_element_pairs(chosen, len(chosen))
    colored = st.multiselect(
        "Element pairs in colour",
        ranked,
        default=ranked[:_DEFAULT_COLORED],
        max_selections=_MOST_COLORED,
        key=f"colored_{relation}_{'_'.join(ranked)}",
        persist_state="session",
    )
    sigma, epsilon = st.columns(2, gap="medium")
    for column, parameter in ((sigma, "sigma"), (epsilon, "epsilon")):
        with column:
            figure = pair_parameter_histogram(pairs, parameter, relation=relation, element_pairs=colored)
            show_figure(figure, key=f"histogram_{parameter}", alt=f"Histogram of {parameter}")
    _undefined(chosen)
    _summary(pairs)


def _undefined(chosen: pd.DataFrame) -> None:
    missing = chosen["sigma"].isna()
    if missing.any():
        kinds = ", ".join(sorted(set(element_pair_labels(chosen[missing]))))
        st.caption(f"σ is undefined for {int(missing.sum())} of these pairs, whose C₀ vanishes ({kinds}).")
    else:
        st.caption("σ is defined for all of these pairs: C₀ vanishes for none.")


def _summary(pairs: pd.DataFrame) -> None:
    with st.expander("Medians by relation, and what σ and ε mean here"):
        st.dataframe(
            pair_parameter_summary(pairs),
            hide_index=True,
            column_config={
                "median sigma (Å)": st.column_config.NumberColumn("median σ (Å)", format="%.2f"),
                "median R_min (Å)": st.column_config.NumberColumn("median R_min (Å)", format="%.2f"),
                "median epsilon (kcal/mol)": st.column_config.NumberColumn("median ε (kcal/mol)", format="%.4f"),
                "without sigma": st.column_config.NumberColumn("σ undefined"),
            },
        )
        st.markdown(
            "The long-range part of a pair is −|C₀|/r⁶ + |C₁|/r¹² = 4ε[(σ/r)¹² − (σ/r)⁶], so σ = (|C₁|/|C₀|)^(1/6) is "
            "where it crosses zero, R_min = 2^(1/6) σ is its minimum and ε = C₀²/(4|C₁|) its depth. Equation 26 as "
            "printed in the paper, σ = C₀/C₁, has not the dimension of a length. Part of the short-range interaction "
            "lies in the Gaussians, so σ and ε of close pairs need not look like those of a classical force field."
        )
        st.markdown(
            "Dashed lines: " + "; ".join(f"{t.label}, {t.value:g} {t.unit}: {t.source}" for t in TYPICAL_VALUES)
        )
