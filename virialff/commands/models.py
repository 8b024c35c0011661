"""Models by name: list them, show one, add one of your own, choose the one used where none is named, remove one.

Your models are kept in ~/.local/share/virialff/models, or in the folder named by VIRIALFF_MODELS. A model is added
only if it is whole and ours: its parameters have the sha256 of its card, it loads, and it gives finite energies.
`virialff ship RUN` adds a finished training run.
"""

from __future__ import annotations

import argparse
import dataclasses
from pathlib import Path
from typing import TYPE_CHECKING, Any

from virialff.commands import ExitCode
from virialff.documents import json_text
from virialff.errors import CheckpointError

if TYPE_CHECKING:
    from virialff.models.registry import RegisteredModel

SUMMARY = "list, show, add, choose and remove models"
#: What a card measured beyond the held-out errors that `show` has too; --json has all.
_SHOWN = ("held out", "conformer set against GFN2-xTB")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    actions = parser.add_subparsers(dest="action", metavar="ACTION", required=True)

    listing = actions.add_parser("list", help="all models; the one used where none is named is marked by *")
    listing.set_defaults(do=_list)

    show = actions.add_parser("show", help="the card of a model in short: level, training, errors, limits")
    show.add_argument("name", nargs="?", metavar="NAME", help="a name, or a model folder (default: the one used)")
    show.set_defaults(do=_show)

    add = actions.add_parser("add", help="keep a copy of a model under a name, after trying it")
    add.add_argument("source", type=Path, metavar="FOLDER|ZIP", help="model folder, or a .zip of one")
    add.add_argument("--name", help="its name here (default: the one in its card)")
    add.add_argument("--default", action="store_true", help="choose it as default too")
    add.set_defaults(do=_add)

    default = actions.add_parser("default", help="choose the model that is used where none is named, or show it")
    default.add_argument("name", nargs="?", metavar="NAME", help="model to choose; without it the present one is shown")
    default.set_defaults(do=_default)

    remove = actions.add_parser("remove", help="delete one of your models")
    remove.add_argument("name", metavar="NAME")
    remove.set_defaults(do=_remove)

    for action in (listing, show, add, default, remove):
        action.add_argument("--json", action="store_true", help="print JSON instead of text")


def run(arguments: argparse.Namespace) -> int:
    code: int = arguments.do(arguments)
    return code


def facts_of(model: RegisteredModel) -> dict[str, Any]:
    """A model as a JSON-ready dictionary; `error` in place of its card where it cannot be used."""
    from virialff.models.checkpoint import load_checkpoint

    facts: dict[str, Any] = {
        "name": model.name,
        "default": model.default,
        "shipped": model.shipped,
        "folder": str(model.folder),
    }
    try:
        card = load_checkpoint(model.folder).card
    except CheckpointError as error:
        return facts | {"error": str(error)}
    return facts | {
        "title": card["name"],
        "level_of_theory": card["level_of_theory"],
        "elements": card["elements"],
        "sha256": card["sha256"],
        "limitations": card["limitations"],
    }


def as_line(facts: dict[str, Any]) -> str:
    """A model as one line of text, without its mark."""
    if "error" in facts:
        return f"{facts['name']}: not usable: {facts['error']}"
    title = "" if facts["title"] == facts["name"] else f" ({facts['title']})"
    return f"{facts['name']}{title}: {facts['level_of_theory']}, sha256 {facts['sha256'][:12]}"


def _list(arguments: argparse.Namespace) -> int:
    from virialff.models.registry import missing_default, registered_models
    from virialff.settings import models_folder

    models = [facts_of(model) for model in registered_models()]
    if arguments.json:
        print(json_text("models", {"models": models}, indent=1))
    else:
        for facts in models:
            print("*" if facts["default"] else " ", as_line(facts) + (", shipped" if facts["shipped"] else ""))
        print(f"your models are in {models_folder()}")
    chosen = next((facts for facts in models if facts["default"]), None)
    if chosen is None:
        raise CheckpointError(missing_default())
    return ExitCode.SOME_FAILED if any("error" in facts for facts in models) else ExitCode.OK


def _show(arguments: argparse.Namespace) -> int:
    from virialff.models.card import error_records, error_table
    from virialff.models.registry import load_model
    from virialff.models.trust import trained_on, trust

    model = load_model(arguments.name)
    card = model.card
    facts = {
        "name": model.name,
        "level_of_theory": model.level_of_theory,
        "elements": card["elements"],
        "date": card.get("date"),
        "n_parameters": card.get("n_parameters"),
        "sha256": model.sha256,
        "members": [str(member.get("name")) for member in card.get("members", ())],
        "recipe": card["recipe"].get("name") if isinstance(card["recipe"], dict) else card["recipe"],
        "trained_on": trained_on(card),
        "trust": dataclasses.asdict(trust(card)),
        "errors": error_records(card["metrics"]),
        "limitations": card["limitations"],
    }
    if arguments.json:
        print(json_text("model_card", facts, indent=1))
        return ExitCode.OK
    errors = error_table(card["metrics"])
    short = errors["measured on"].isin(_SHOWN) | errors["quantity"].str.endswith(", all")
    lines = [
        f"{model.name}: energies of {model.level_of_theory}, elements {' '.join(card['elements'])}",
        f"  made {facts['date'] or 'on an unknown date'} by the recipe {facts['recipe'] or 'of no name'}",
        f"  sha256 of the parameters {model.sha256}",
        *([f"  members that give the spread: {', '.join(facts['members'])}"] if facts["members"] else []),
        *([f"  trained on {facts['trained_on']}"] if facts["trained_on"] else []),
        *(f"  {sentence}" for sentence in (facts["trust"]["beside"], facts["trust"]["not_for"])),
    ]
    if short.any():
        lines += ["errors on what it was never trained on", errors[short].to_string(index=False)]
    lines += ["limits", *(f"  - {limit}" for limit in card["limitations"])] if card["limitations"] else []
    print("\n".join(lines))
    return ExitCode.OK


def _add(arguments: argparse.Namespace) -> int:
    from virialff.models.registry import add, set_default

    model = add(arguments.source, arguments.name)
    if arguments.default:
        model = set_default(model.name)
    _print(arguments, model, f"added {as_line(facts_of(model))}")
    return ExitCode.OK


def _default(arguments: argparse.Namespace) -> int:
    from virialff.models.registry import find, set_default

    if arguments.name is None:
        model = find()
        _print(arguments, model, as_line(facts_of(model)))
    else:
        model = set_default(arguments.name)
        _print(arguments, model, f"used from now on where none is named: {as_line(facts_of(model))}")
    return ExitCode.OK


def _remove(arguments: argparse.Namespace) -> int:
    from virialff.models.registry import remove

    remove(arguments.name)
    print(json_text("removed_model", {"removed": arguments.name}) if arguments.json else f"removed {arguments.name}")
    return ExitCode.OK


def _print(arguments: argparse.Namespace, model: RegisteredModel, text: str) -> None:
    print(json_text("model", facts_of(model), indent=1) if arguments.json else text)
