"""Recipes as people make them: presets, the settings of a form with their meaning, YAML text that is checked."""

import dataclasses
import re
import types
import typing
from pathlib import Path
from typing import Any, Literal

import pyarrow.compute as pc
import yaml

from training.recipes.recipe import PRESETS, Recipe
from training.recipes.yaml import parse_yaml
from virialff.administrator import administration
from virialff.labels.store import LabelStore
from virialff.settings import ASSETS, CHECKOUT, LABELS

SettingKind = Literal["integer", "number", "switch", "choice", "text", "numbers"]
_CAMPAIGNS = re.compile(r"^(rounds|dft_rounds|references|torsions|contacts|flexible|qmugs_rows):", re.MULTILINE)


@dataclasses.dataclass(frozen=True)
class Setting:
    """One entry of a form."""

    name: str
    kind: SettingKind
    optional: bool  #: may be left out
    default: Any
    choices: tuple[str, ...]
    meaning: str


def settings_of(settings: type) -> list[Setting]:
    """The fields of a dataclass of settings (NetworkConfig, Optimization) in their order."""
    hints = typing.get_type_hints(settings)
    found = []
    for field in dataclasses.fields(settings):
        kind, optional, choices = _kind(hints[field.name])
        found.append(Setting(field.name, kind, optional, field.default, choices, field.metadata.get("description", "")))
    return found


def _kind(hint: Any) -> tuple[SettingKind, bool, tuple[str, ...]]:
    optional = isinstance(hint, types.UnionType) and type(None) in typing.get_args(hint)
    if optional:
        hint = next(part for part in typing.get_args(hint) if part is not type(None))
    if typing.get_origin(hint) is Literal:
        return "choice", optional, typing.get_args(hint)
    if typing.get_origin(hint) is tuple:
        return "numbers", optional, ()
    kinds: dict[type, SettingKind] = {bool: "switch", int: "integer", float: "number", str: "text"}
    return kinds[hint], optional, ()


@dataclasses.dataclass(frozen=True)
class Preset:
    """A recipe that ships."""

    name: str
    path: Path
    about: str  #: the comment at its top


def presets() -> list[Preset]:
    """The recipes in training/presets, by name; label campaigns, which lie there too, are none."""
    found = []
    for path in sorted(PRESETS.glob("*.yaml")):
        text = path.read_text(encoding="utf-8")
        if _CAMPAIGNS.search(text) is None:
            lines = text.splitlines()
            end = next((n for n, line in enumerate(lines) if not line.startswith("#")), len(lines))
            found.append(Preset(path.stem, path, " ".join(line.lstrip("# ") for line in lines[:end])))
    return found


def check_recipe(text: str) -> Recipe:
    """The recipe that this YAML text is. Raises ConfigError with line and key of the first thing that is wrong."""
    return parse_yaml(text, Recipe, "recipe")


def recipe_text(content: dict[str, Any]) -> str:
    """YAML of a recipe's values, in their order."""
    text: str = yaml.safe_dump(content, sort_keys=False, allow_unicode=True, default_flow_style=None, width=110)
    return text


def recipe_values(recipe: Recipe) -> dict[str, Any]:
    """All values of a recipe, those that it leaves to the defaults too, without the entries that it has not."""
    values = recipe.model_dump(mode="json")
    values = {name: value for name, value in values.items() if value is not None}
    labels = [shown_path(path) for path in recipe.data.labels]
    if recipe.initial is not None:
        values["initial"] = shown_path(recipe.initial)
    values["data"]["labels"] = labels[0] if len(labels) == 1 else labels
    return values


def shown_path(path: Path) -> str:
    """A path of the checkout from its root where we are in it, so that a recipe is of use elsewhere; else absolute."""
    absolute = path.absolute()
    if Path.cwd() == CHECKOUT and absolute.is_relative_to(CHECKOUT):
        return str(absolute.relative_to(CHECKOUT))
    return str(absolute)


def label_sources() -> list[Path]:
    """Parquet files that ship, stores of campaigns in build/labels, then those in the administrator's folders; what is
    in them is not looked at."""
    found = [*sorted((ASSETS / "data").glob("*.parquet")), *_stores(LABELS)]
    for folder in administration().folders.labels:
        found += [*sorted(folder.glob("*.parquet")), *_stores(folder)]
    return found


def _stores(folder: Path) -> list[Path]:
    return [path for path in sorted(folder.glob("*/")) if any(path.glob("*.parquet")) or any(path.glob("*.journal"))]


def levels_of(source: Path) -> list[str]:
    """Levels of theory that have rows in a label store or Parquet file. Raises StoreError as reading it does."""
    levels: set[str] = set()
    for table in LabelStore(source).tables(["level_of_theory"]):
        levels |= set(pc.unique(table["level_of_theory"]).to_pylist())
    return sorted(levels)
