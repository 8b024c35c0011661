"""Results of studies: what each switch of a recipe gives, and errors against the number of training molecules."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pandas as pd
import streamlit as st

from pages.components.shell.text import plain
from pages.components.widgets.show import download, show_figure, wrapped_table
from training.studies.ablation import MEASURES, SWITCHES
from virialff.benchmarks.learning_curves import LearningCurve
from virialff.figures.training import ablation_figure, learning_curve_figure
from virialff.settings import ASSETS

FOLDER = ASSETS / "studies"
_COMMANDS = {
    "ablation": "python -m training.studies.ablation",
    "fine_tuning_ablation": "python -m training.studies.ablation --recipe training/presets/virialff.yaml "
    "--folder runs/fine_tuning_ablation --json assets/studies/fine_tuning_ablation.json "
    "--markdown docs/fine_tuning_ablation.md",
    "learning_curve": "python -m training.studies.learning_curve",
    "kinetic_twin_learning_curve": "python -m training.studies.learning_curve --recipe "
    "training/presets/virialff_kinetic_twin.yaml --json assets/studies/kinetic_twin_learning_curve.json "
    "--markdown docs/kinetic_twin_learning_curve.md",
}
_WORDS = {switch.name: switch.words for switch in SWITCHES}


def studies() -> None:
    """The figures of the studies, or the command that makes one."""
    st.markdown("**What each switch of the recipe gives**")
    _study("ablation", _ablation)
    st.markdown("**The same of fine-tuning at the level of DFT**")
    _study("fine_tuning_ablation", _ablation)
    st.markdown("**Errors against the number of training molecules**")
    _study("learning_curve", _learning_curve)
    st.markdown("**The same of the kinetic-energy twin**")
    _study("kinetic_twin_learning_curve", _learning_curve)


def _study(name: str, show: Any) -> None:
    path = FOLDER / f"{name}.json"
    if not path.is_file():
        st.info(f"This study has not been run here. `{_COMMANDS[name]}` makes it.")
        return
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        show(content, path)
    except (ValueError, KeyError, TypeError) as error:
        # The file is for people to replace, and its damage must not take the page.
        st.error(f"{plain(str(path))} is no result of this study ({plain(repr(error))}): run it again.")


def ablation_table(content: dict[str, Any]) -> pd.DataFrame:
    """A row a training: what was left out and its errors, first the whole recipe."""
    rows = [
        {"left out": "nothing" if row["left_out"] is None else _WORDS.get(row["left_out"], row["left_out"])}
        | {words: row["errors"].get(name) for name, words in MEASURES.items()}
        for row in content["rows"]
    ]
    return pd.DataFrame(rows, columns=["left out", *MEASURES.values()])


def _ablation(content: dict[str, Any], path: Path) -> None:
    table = ablation_table(content)
    whole, others = table.iloc[0], table.iloc[1:]
    changes = {}
    for words in MEASURES.values():
        if pd.isna(whole[words]):
            continue
        change = 100.0 * (others[words].astype(float) / float(whole[words]) - 1.0)
        if change.notna().any():
            changes[words.rpartition(" (")[0]] = [None if pd.isna(value) else value for value in change]
    figure = ablation_figure(changes, others["left out"].tolist())
    show_figure(figure, key=path.stem, alt="Change of each error without one switch of the recipe")
    st.caption(
        plain(
            f"Trainings of {content['steps']:,} steps of the recipe {content['recipe']} at "
            f"{content['level_of_theory']}, one seed each, measured on the validation split. Right of the line the "
            "error is larger without the switch.",
            limit=1000,
        )
    )
    with st.expander("The errors in numbers"):
        wrapped_table(table.round(3).astype(object).where(table.notna(), "–"))
        download("Ablation (CSV)", table, f"{path.stem}.csv", key=f"{path.stem}.csv")


def _learning_curve(content: dict[str, Any], path: Path) -> None:
    curves = [LearningCurve.from_dict(entry) for entry in content["curves"]]
    if not curves:
        raise KeyError("curves")
    show_figure(learning_curve_figure(curves), key=path.stem, alt="Errors against number of training molecules")
    laws = "; ".join(
        f"{curve.quantity} {'falls' if law.estimate >= 0 else 'rises'} as N^{-law.estimate:.2f} "
        f"({-law.high:.2f} to {-law.low:.2f})"
        for curve, law in ((curve, curve.exponent()) for curve in curves)
    )
    st.caption(
        plain(
            f"Recipe {content['recipe']} at {content['level_of_theory']}, {curves[0].steps:,} steps, a point a "
            f"training. {laws}. Dashed: the power law beyond what was measured.",
            limit=1000,
        )
    )
    rows = [
        {"quantity": curve.quantity, "training molecules": point.n_molecules, f"error ({curve.unit})": error}
        for curve in curves
        for point in curve.points
        for error in point.errors
    ]
    download("Learning curves (CSV)", pd.DataFrame(rows), f"{path.stem}.csv", key=f"{path.stem}.csv")
