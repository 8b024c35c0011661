"""What a person should know of a model before using it, as three sentences that follow from its card."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Any

from virialff.models.card import SIDE_BY_SIDE
from virialff.text import counted

#: What every model is held against, by its name in cards.
STANDARD = "GFN2-xTB"


@dataclass(frozen=True)
class Trust:
    """Three sentences about a model."""

    trained_for: str  #: on which molecules and at which level of theory
    beside: str  #: how good it is beside GFN2-xTB, on what it never saw
    not_for: str  #: what it must not be used for


@dataclass(frozen=True)
class Standing:
    """The mean absolute error of a model and of GFN2-xTB in one quantity, kcal/mol or as `unit` says."""

    quantity: str
    unit: str
    error: float
    standard: float
    #: "better" or "worse" where the 95 % intervals lie apart, "about as good" otherwise.
    verdict: str


@dataclass(frozen=True)
class _Measure:
    """A row of a card's comparison."""

    words: str
    set: str  #: its set begins so
    quantity: str  #: its quantity begins so
    unit: str = "kcal/mol"


_MEASURES = (
    _Measure("energies between conformers", "conformer set", "above the lowest"),
    _Measure("interaction energies", "S66 vertical against CCSD(T)", "E_int"),
    _Measure("total energies", "held out", "total energy (kcal/mol)"),
    _Measure("sizes of dipoles", "held out", "size of the dipole", "D"),
)
#: Of held-out errors alone, where nothing was measured beside it.
_OWN = (
    ("total energies", "total energy (kcal/mol)"),
    ("energies between conformers", "relative conformer energy (kcal/mol)"),
    ("interaction energies", "interaction energy (kcal/mol)"),
)


def trust(card: Mapping[str, Any]) -> Trust:
    """The three sentences.

    Parameters
    ----------
    card : mapping
        Of a model, as it is read from its folder.

    Returns
    -------
    Trust
    """
    found = standings(card)
    return Trust(_trained_for(card), _beside(card, found), _not_for(card, found))


def standings(card: Mapping[str, Any]) -> list[Standing]:
    """How a model stands beside GFN2-xTB by its card: energies between conformers, interaction energies, total energies
    and dipoles, as far as they were measured."""
    metrics = card.get("metrics", {})
    comparison = metrics.get(SIDE_BY_SIDE) if isinstance(metrics, Mapping) else None
    rows = comparison.get("errors", []) if isinstance(comparison, Mapping) else []
    found = []
    for measure in _MEASURES:
        fitting = {
            str(row["method"]): row
            for row in rows
            if row["sizes"] == "all"
            and row["set"].startswith(measure.set)
            and row["quantity"].startswith(measure.quantity)
            and isinstance(row.get("mae"), float)
        }
        own, standard = fitting.get(str(card["name"])), fitting.get(STANDARD)
        if own is not None and standard is not None:
            found.append(Standing(measure.words, measure.unit, own["mae"], standard["mae"], _verdict(own, standard)))
    return found


def trained_on(card: Mapping[str, Any]) -> str:
    """What the training part of a model's labels holds, "" where its card does not say."""
    parts = []
    for what, splits in (card["data"] if isinstance(card["data"], Mapping) else {}).items():
        train = splits.get("train") if isinstance(splits, Mapping) else None
        if isinstance(train, Mapping) and train.get("records") and (what != "complexes" or _trains(card, *_COMPLEXES)):
            geometries = counted(int(train.get("geometries") or train["records"]), "geometry", "geometries")
            parts.append(f"{train['records']:,} {what} ({geometries})")
    recipe = card["recipe"] if isinstance(card["recipe"], Mapping) else {}
    companion = recipe.get("companion")
    if isinstance(companion, Mapping) and companion.get("level_of_theory"):
        parts.append(f"labels at {companion['level_of_theory']} beside them")
    text = _listed(parts)
    start = recipe.get("initial")
    named = PurePosixPath(start).name if isinstance(start, str) else ""
    return f"{text}, starting from {named}" if text and named and named != card["name"] else text


def _verdict(own: Mapping[str, Any], standard: Mapping[str, Any]) -> str:
    def end(row: Mapping[str, Any], side: str) -> float:
        value = row.get(f"mae_{side}")
        return float(row["mae"] if value is None else value)

    if end(own, "high") < end(standard, "low"):
        return "better"
    return "worse" if end(own, "low") > end(standard, "high") else "about as good"


def _trained_for(card: Mapping[str, Any]) -> str:
    seen = {symbol.partition("(")[0] for symbol in card.get("environments") or {}}
    symbols = [symbol for symbol in card["elements"] if not seen or symbol in seen]
    training = trained_on(card)
    return (
        f"It is for neutral closed-shell molecules of {_listed(symbols)} at {card['level_of_theory']}"
        + (f", trained on {training}" if training else "; its card does not say what it was trained on")
        + "."
    )


def _beside(card: Mapping[str, Any], found: Sequence[Standing]) -> str:
    if found:
        parts = []
        for verdict in ("better", "about as good", "worse"):
            named = [
                f"{entry.quantity} ({entry.error:.1f} against {entry.standard:.1f} {entry.unit})"
                for entry in found
                if entry.verdict == verdict
            ]
            if named:
                parts.append(f"{verdict} at {_listed(named)}")
        return f"Beside {STANDARD}, by the mean error on what it was not trained on, it is {_listed(parts)}."
    held_out = card["metrics"].get("held_out", {}) if isinstance(card["metrics"], Mapping) else {}
    errors = [
        f"{held_out[key]['mae']:.1f} kcal/mol in {words} ({counted(int(held_out[key].get('n_values') or 0), 'value')})"
        for words, key in _OWN
        if isinstance(held_out, Mapping)
        and isinstance(held_out.get(key), Mapping)
        and isinstance(held_out[key].get("mae"), float)
    ]
    if errors:
        own = f"on molecules that it never saw its mean error is {_listed(errors)}"
        return f"It was not measured beside {STANDARD}; {own}."
    return "Nothing of it was measured on molecules that it never saw, so nobody knows how good it is."


def _not_for(card: Mapping[str, Any], found: Sequence[Standing]) -> str:
    uses = ["ions, radicals and other elements", "bonds that break or form"]
    untrained = [
        what
        for what, weights in (("forces", ("force_weight",)), ("complexes", _COMPLEXES))
        if not _trains(card, *weights)
    ]
    if untrained:
        uses.append(f"{_listed(untrained)} (not trained on)")
    worse = [entry.quantity for entry in found if entry.verdict == "worse" and entry.error > 2 * entry.standard]
    if worse:
        uses.append(f"{_listed(worse)} ({STANDARD} is more than twice as good)")
    return f"Do not use it for {', for '.join(uses[:-1])}, or for {uses[-1]}; stereoisomers share their parameters."


#: The losses by which a model learns of complexes.
_COMPLEXES = ("interaction_weight", "interaction_force_weight")


def _trains(card: Mapping[str, Any], *weights: str) -> bool:
    """Whether its recipe has one of these losses, as far as it says; what starts from a model has what that learned."""
    recipe = card["recipe"] if isinstance(card["recipe"], Mapping) else {}
    stages = recipe.get("stages") or [recipe.get("optimization")]
    if recipe.get("initial") or not isinstance(stages, list) or not all(isinstance(each, Mapping) for each in stages):
        return True
    return any(stage.get(weight, 1.0) for stage in stages for weight in weights)


def _listed(parts: Sequence[str]) -> str:
    return parts[0] if len(parts) == 1 else f"{', '.join(parts[:-1])} and {parts[-1]}" if parts else ""
