"""A recipe to train by: from a preset, from another run, in a form of its settings or as YAML."""

from collections.abc import Sequence
from typing import Any

import streamlit as st

from pages.components.shell.state import KEPT
from pages.components.shell.text import one_line, plain, sentence
from pages.components.widgets.show import download
from training.jobs.offered import check_training, initial_weights
from training.recipes.optimization import Optimization
from training.recipes.presets import Setting, presets, recipe_text, recipe_values, settings_of
from training.recipes.recipe import load_recipe
from virialff.errors import VirialffError
from virialff.networks.config import NetworkConfig, out_of_bounds

# Values that the form starts from, and how often it was filled: the fills are in the keys of its widgets.
_VALUES = "recipe_values"
_FILLS = "recipe_fills"
_ORIGIN = "recipe_origin"
_PRESET = "recipe_preset"
_FORM, _YAML = "Form", "YAML text"


def fill(values: dict[str, Any], origin: str) -> None:
    """Start the form from these values of a recipe."""
    st.session_state[_VALUES] = values
    st.session_state[_ORIGIN] = origin
    st.session_state[_FILLS] = st.session_state.get(_FILLS, 0) + 1


def choose_preset() -> None:
    """The presets as a choice; a change fills the form anew."""
    found = {preset.name: preset for preset in presets()}
    origin = st.session_state[_ORIGIN]
    # What filled the form is what is chosen, also where a card or a run did.
    st.session_state[_PRESET] = origin if origin in found else None
    st.segmented_control(
        "Preset",
        list(found),
        format_func=lambda name: name.replace("_", " "),
        key=_PRESET,
        on_change=lambda: _take(st.session_state[_PRESET]),
    )
    st.caption(found[origin].about if origin in found else f"The recipe of {origin}.")


def _take(name: str | None) -> None:
    preset = next((entry for entry in presets() if entry.name == name), None)
    if preset is not None:
        fill(recipe_values(load_recipe(preset.path)), preset.name)


def origin() -> str:
    """Where the values of the form came from: a preset, or a run."""
    named: str = st.session_state[_ORIGIN]
    return named


def base_values() -> dict[str, Any]:
    """What the form was filled with."""
    values: dict[str, Any] = st.session_state[_VALUES]
    return values


def steps_field() -> tuple[int | None, bool]:
    """The number of steps of a recipe of one stage, None for several stages; and whether what was typed can be it."""
    values = base_values()
    stages = values.get("stages") or [values["optimization"]]
    if len(stages) > 1:
        return None, True
    value = st.number_input(
        "Steps of training",
        value=int(stages[0]["steps"]),
        step=100,
        key=key("steps"),
        width=200,
        help="Each step looks at one batch of molecules. More lower the error, until the labels are known by heart.",
        **KEPT,
    )
    problem = "steps is empty: give a value" if value is None else out_of_bounds(Optimization, "steps", value)
    if problem is not None:
        st.error(plain(f"{problem}."))
        return int(stages[0]["steps"]), False
    return int(value), True


def key(name: str) -> str:
    """The key of a widget, new with every filling."""
    return f"recipe_{st.session_state.get(_FILLS, 0)}_{name}"


def edited_recipe(name: str, data: dict[str, Any], level_of_theory: str, steps: int | None) -> str | None:
    """The settings as a form or as YAML text; returns the recipe's text, None where it is not valid (and says why).

    steps: of a recipe of one stage, which has its field elsewhere.
    """
    values = base_values()
    if steps is not None:
        stages = values.get("stages") or [values["optimization"]]
        stage = stages[0] | {"steps": steps}
        values = values | ({"stages": [stage]} if "stages" in values else {"optimization": stage})
    way = st.segmented_control("Settings as", [_FORM, _YAML], default=_FORM, required=True, key="recipe_way", **KEPT)
    if way == _YAML:
        start = {**values, "name": name, "level_of_theory": level_of_theory, "data": data}
        text = st.text_area(
            "Recipe", recipe_text(start), height=420, key=key(f"text_{name}_{level_of_theory}_{data}_{steps}"), **KEPT
        )
    else:
        settings = _form(values, without=() if steps is None else ("steps",))
        if settings is None:
            return None
        text = recipe_text({**settings, "name": name, "level_of_theory": level_of_theory, "data": data})
    try:
        check_training(text)
    except VirialffError as error:
        st.error(sentence(error), title="This recipe cannot be used")
        return None
    with st.container(horizontal=True):
        if way == _FORM:
            with st.popover("The recipe as YAML"):
                st.code(text, language="yaml")
        download("Recipe (YAML)", text, f"{name}.yaml")
    return text


def _form(values: dict[str, Any], without: Sequence[str]) -> dict[str, Any] | None:
    """The values of the form; None where one of them cannot be, which is said beside it.

    without: settings of a stage that keep their value and have no field here.
    """
    result = dict(values)
    stages = values.get("stages") or [values["optimization"]]
    titles = [f"Stage {number}: {stage['name']}" for number, stage in enumerate(stages, start=1)]
    if len(stages) == 1:
        titles = ["Training"]
    tabs = st.tabs([*titles, "Network", "Weights to start with"])
    edited = []
    for number, (tab, stage) in enumerate(zip(tabs, stages, strict=False)):
        with tab:
            edited.append(_widgets(f"stage{number}", Optimization, stage, without))
    with tabs[-2]:
        result["network"] = _widgets("network", NetworkConfig, values["network"])
    with tabs[-1]:
        found = ["", *initial_weights()]
        wanted = values.get("initial") or ""
        if wanted not in found:
            st.caption(plain(f"The weights {wanted} of {origin()} are not here: choose others."))
        initial = st.selectbox(
            "A model or a run",
            found,
            found.index(wanted) if wanted in found else 0,
            key=key("initial"),
            format_func=lambda name: one_line(name) or "none: random weights",
            help="Its weights are the start of the training; the networks must agree.",
            width=420,
            **KEPT,
        )
    result.pop("initial", None)
    if initial:
        result["initial"] = initial
    if None in edited or result["network"] is None:
        return None
    if "stages" in values:
        result["stages"] = edited
    else:
        result["optimization"] = edited[0]
    return result


def _widgets(part: str, kind: type, values: dict[str, Any], without: Sequence[str] = ()) -> dict[str, Any] | None:
    result = {name: values[name] for name in without}
    right = True
    every = settings_of(kind)
    settings = [setting for setting in every if setting.name not in without]
    switches = [setting for setting in settings if setting.kind == "switch"]
    others = [setting for setting in settings if setting.kind != "switch"]
    with st.container(horizontal=True):
        for setting in others:
            with st.container(width=200 if setting.kind != "numbers" else 260, gap="xsmall"):
                value = _widget(part, setting, values.get(setting.name, setting.default))
                if (problem := _problem(kind, setting, value)) is not None:
                    # As it is: a sentence would begin with a capital, and the name of a setting does not.
                    st.error(plain(f"{problem}."))
                    right = False
            result[setting.name] = value
    with st.container(horizontal=True):
        for setting in switches:
            result[setting.name] = _widget(part, setting, values.get(setting.name, setting.default))
    return {setting.name: result[setting.name] for setting in every} if right else None


def _problem(kind: type, setting: Setting, value: Any) -> str | None:
    """Why a field of the form cannot have its value, as a sentence."""
    if value is None or value == "":
        return None if setting.optional else f"{setting.name} is empty: give a value"
    if isinstance(value, list) and (words := [word for word in value if isinstance(word, str)]):
        return f"{setting.name} has {words[0]!r} where a number belongs"
    return out_of_bounds(kind, setting.name, value)


def _widget(part: str, setting: Setting, value: Any) -> Any:
    name, meaning = setting.name, setting.meaning
    place = key(f"{part}_{name}")
    if setting.kind == "switch":
        return st.toggle(name, bool(value), key=place, help=meaning, width="content", **KEPT)
    if setting.kind == "choice":
        return st.selectbox(
            name, setting.choices, setting.choices.index(value), key=place, help=meaning, width=180, **KEPT
        )
    if setting.kind == "integer":
        return st.number_input(
            name,
            value=value,
            step=1,
            key=place,
            help=meaning,
            width=180,
            placeholder="none" if setting.optional else None,
            **KEPT,
        )
    if setting.kind == "number":
        return st.number_input(
            name,
            value=None if value is None else float(value),
            step=_step(value),
            format="%g",
            key=place,
            help=meaning,
            width=180,
            placeholder="none" if setting.optional else None,
            **KEPT,
        )
    if setting.kind == "numbers":
        text = st.text_input(
            name,
            "" if value is None else ", ".join(f"{v:g}" for v in value),
            key=place,
            help=meaning,
            width=180,
            **KEPT,
        )
        return _numbers(text)
    return st.text_input(name, str(value), key=place, help=meaning, width=180, **KEPT)


def _step(value: float | None) -> float:
    """A step of about a tenth of the value."""
    return 0.1 if not value else float(f"{abs(value) / 10:.0e}")


def _numbers(text: str) -> list[float | str] | None:
    """The numbers of a text; what is none stays text, and the check of the recipe names it."""
    words = [word.strip() for word in text.split(",") if word.strip()]
    if not words:
        return None
    result: list[float | str] = []
    for word in words:
        try:
            result.append(float(word))
        except ValueError:
            result.append(word)
    return result
