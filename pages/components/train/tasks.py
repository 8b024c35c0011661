"""What the page Train computes in worker processes. Imports no Streamlit."""

from __future__ import annotations

from pages.components.shell.worker import Report
from training.loop.speed import Cost, measure_cost
from training.recipes.presets import check_recipe


def measure(report: Report, recipe: str) -> Cost:
    """`measure_cost` of a recipe as YAML text, on the processors of this machine."""
    report(0, 0, "sampling the labels")
    return measure_cost(check_recipe(recipe), say=lambda text: report(0, 0, text))
