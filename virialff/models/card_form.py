"""What the keys of a model card hold, checked once when it is read: whatever uses a card may rely on it.

Keys that nothing here reads may hold anything.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from typing import Any

from virialff.elements import ELEMENTS

_TEXTS = ("name", "level_of_theory", "sha256")
#: Statistics of a summary of errors, each with an interval as `_low` and `_high`.
_STATISTICS = ("mae", "rmse", "mean_signed", "value")
#: Of a row of a comparison of methods.
_ROW = ("set", "quantity", "sizes", "method")
_BINS = ("n_values", "spread", "rmse", "rmse_low", "rmse_high")
_LONGEST_NAME = 200


def fault_of_card(card: Mapping[str, Any]) -> str | None:
    """What is wrong with a card that has its keys, as a sentence that begins with its file, or None."""
    return next(_faults(card), None)


def without_nan(value: Any) -> Any:
    """The same with None in the place of numbers that are not finite, which JSON does not have."""
    if isinstance(value, Mapping):
        return {key: without_nan(inner) for key, inner in value.items()}
    if isinstance(value, (list, tuple)):
        return [without_nan(inner) for inner in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value


def division_of(card: Mapping[str, Any]) -> Mapping[str, Any]:
    """`seed` and `fractions` of the split of a model's data; empty where the card says it in words or not at all."""
    split = card.get("split")
    return split if isinstance(split, dict) else {}


def _faults(card: Mapping[str, Any]) -> Iterator[str]:
    for key in _TEXTS:
        value = card[key]
        if not isinstance(value, str) or not value.strip() or len(value) > _LONGEST_NAME or not value.isprintable():
            yield f"has no text under {key}"
    yield from _element_faults(card["elements"], card["atomic_energies_kcal_mol"])
    if not isinstance(card["limitations"], list) or not all(isinstance(line, str) for line in card["limitations"]):
        yield "does not list its limitations"
    for key in ("data", "metrics", "versions"):
        if not isinstance(card[key], dict):
            yield f"has no table under {key}"
    if not isinstance(card["recipe"], (dict, str)):
        yield "has no recipe"
    if isinstance(card["recipe"], dict) and not all(
        value is None or isinstance(value, str) for value in (card["recipe"].get("name"), card["recipe"].get("initial"))
    ):
        yield "has a recipe whose name or start is no text"
    yield from _split_faults(card["split"])
    yield from _data_faults(card["data"])
    yield from _optional_faults(card)
    calibration = card["metrics"].get("calibration") or {}
    if not isinstance(calibration, dict) or not all(isinstance(entry, dict) for entry in calibration.values()):
        yield "has a calibration in metrics that cannot be read"
        return
    if (
        not all("bins" in entry for entry in calibration.values())
        or len({str(entry.get("unit")) for entry in calibration.values()}) > 1
    ):
        yield "has a calibration in metrics that cannot be drawn: bins are missing, or units differ"
    yield from _metric_faults(card["metrics"], "metrics")


def _element_faults(elements: Any, energies: Any) -> Iterator[str]:
    if not isinstance(elements, list) or not elements or not all(isinstance(symbol, str) for symbol in elements):
        yield "does not list its elements as symbols"
        return
    foreign = [symbol for symbol in elements if symbol not in ELEMENTS]
    if foreign:
        yield f"names {foreign[0][:10]!r}, which is none of the elements {' '.join(ELEMENTS)}"
    if not isinstance(energies, dict):
        yield "has no table of atomic energies"
        return
    for symbol in elements:
        if not _is_number(energies.get(symbol)):
            yield f"has no finite atomic energy of {symbol}"


def _split_faults(split: Any) -> Iterator[str]:
    if not isinstance(split, dict):
        return  # It says in words how, or that it does not.
    seed, fractions = split.get("seed"), split.get("fractions")
    if seed is not None and not _is_count(abs(seed) if isinstance(seed, int) else seed):
        yield "has a seed of its split that is no number"
    if fractions is not None and not (
        isinstance(fractions, list)
        and len(fractions) == 3
        and all(_is_number(share) and 0 <= share <= 1 for share in fractions)
    ):
        yield "has shares of its split that are not three numbers from 0 to 1"


def _data_faults(data: Any) -> Iterator[str]:
    for what, splits in data.items():
        train = splits.get("train") if isinstance(splits, dict) else None
        if isinstance(train, dict) and not all(
            value is None or _is_count(value) for value in (train.get("records"), train.get("geometries"))
        ):
            yield f"has counts of {what[:40]} that are no numbers"


def _optional_faults(card: Mapping[str, Any]) -> Iterator[str]:
    if card.get("date") is not None and not isinstance(card["date"], str):
        yield "has a date that is no text"
    if card.get("n_parameters") is not None and not _is_count(card["n_parameters"]):
        yield "has a number of parameters that is none"
    members = card.get("members", [])
    if not isinstance(members, list) or not all(
        isinstance(member, dict) and isinstance(member.get("sha256"), str) for member in members
    ):
        yield "does not list the members of the model"
    counts = card.get("environments")
    if counts is not None and not (isinstance(counts, dict) and all(map(_is_count, counts.values()))):
        yield "has counts of environments that are no numbers"
    bonds = card.get("bond_environments")
    if bonds is not None and not (isinstance(bonds, list) and all(isinstance(bond, str) for bond in bonds)):
        yield "has a list of bonds that is none"
    parts = card.get("parts")
    if parts is not None and not (isinstance(parts, dict) and all(map(_is_packed, parts.values()))):
        yield "has counts of parts that are no numbers"
    if not isinstance(card.get("intervals", {}), dict):
        yield "has no table under intervals"


def _is_packed(counts: Any) -> bool:
    """Whether `unpack_counts` can read it."""
    return isinstance(counts, dict) and all(
        key.isascii() and key.isdecimal() and len(key) < 10 and isinstance(kinds, str) for key, kinds in counts.items()
    )


def _metric_faults(value: Any, place: str) -> Iterator[str]:
    if isinstance(value, list):
        for number, inner in enumerate(value, start=1):
            yield from _metric_faults(inner, f"{place}.{number}")
    if not isinstance(value, dict):
        return
    for name in _STATISTICS:
        for key in (name, f"{name}_low", f"{name}_high"):
            if ("n_values" in value or "mae" in value) and key in value and not _is_number(value[key], or_none=True):
                yield f"has {key} in {place} that is no number"
    if "n_values" in value and not _is_count(value["n_values"]):
        yield f"has n_values in {place} that is no number"
    if "bins" in value and not _is_binned(value):
        yield f"has a calibration in {place} that cannot be read"
    if place == f"metrics.{_SIDE_BY_SIDE}":
        yield from _comparison_faults(value, place)
    for key, inner in value.items():
        if key != "bins":
            yield from _metric_faults(inner, f"{place}.{key[:40]}")


#: The metrics that compare the model with others.
_SIDE_BY_SIDE = "side by side"


def _comparison_faults(found: dict[str, Any], place: str) -> Iterator[str]:
    for key in ("errors", "own test sets"):
        rows = found.get(key, [])
        if not isinstance(rows, list) or not all(map(_is_row, rows)):
            yield f"has a table {key} in {place} that cannot be read"
    named = found.get("named molecules", [])
    if not isinstance(named, list) or not all(map(_is_named, named)):
        yield f"has a table of named molecules in {place} that cannot be read"
    notes = found.get("notes", [])
    if not isinstance(notes, list) or not all(isinstance(note, str) for note in notes):
        yield f"has notes in {place} that are no text"


def _is_row(row: Any) -> bool:
    return (
        isinstance(row, dict)
        and all(isinstance(row.get(key), str) for key in _ROW)
        and _is_count(row.get("n_values"))
        and any(key in row for key in _STATISTICS)
    )


def _is_named(row: Any) -> bool:
    return (
        isinstance(row, dict)
        and all(isinstance(row.get(key), str) for key in ("molecule", "quantity", "criterion"))
        and all(isinstance(row.get(key), dict) for key in ("values", "right"))
        and all(_is_number(value, or_none=True) for value in row["values"].values())
        and all(value is None or isinstance(value, bool) for value in row["right"].values())
    )


def _is_binned(value: dict[str, Any]) -> bool:
    bins = value["bins"]
    if not isinstance(bins, dict) or not all(isinstance(value.get(key), str) for key in ("unit", "quantity")):
        return False
    columns = [bins.get(key) for key in _BINS]
    return (
        all(
            isinstance(column, list) and all(_is_number(value, or_none=True) for value in column)
            for column in (*columns, *bins.values())
        )
        and len({len(column) for column in bins.values()}) == 1
        and _is_number(value.get("n_values"))
        and all(_is_number(value.get(key), or_none=True) for key in ("scale", "rank_correlation"))
    )


def _is_number(value: Any, *, or_none: bool = False) -> bool:
    if value is None:
        return or_none
    return isinstance(value, (int, float)) and not isinstance(value, bool) and abs(value) < 1e12


def _is_count(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 2**53
