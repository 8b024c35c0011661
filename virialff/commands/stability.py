"""Share of held-out molecules that keep their bonds under a model's forces: relaxed, then in dynamics.

Molecules are those of a label store that the model's split puts into its test part, of 15 heavy atoms or more. Each is
relaxed and moved by Langevin dynamics, 0.5 fs a step, eight at a time. Results are added to FILE.jsonl as they come:
the same command goes on where an earlier one ended. 200 molecules for 5 ps take about 20 minutes on one free core.
"""

from __future__ import annotations

import argparse
import json
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from virialff.commands import ExitCode
from virialff.commands.output import form_of
from virialff.commands.parser import positive, positive_int
from virialff.errors import ConfigError
from virialff.text import counted, reason_of

if TYPE_CHECKING:
    from virialff.benchmarks.stability import StabilityRow

SUMMARY = "share of held-out molecules that keep their bonds in relaxation and dynamics"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("model", help="a name of `virialff models list`, or a model folder")
    parser.add_argument(
        "-o", "--output", type=Path, required=True, metavar="FILE.jsonl", help="a line a molecule; gone on with"
    )
    parser.add_argument("--labels", type=Path, metavar="STORE", help="labels (default: the shipped GFN2-xTB labels)")
    parser.add_argument(
        "--level", default="GFN2-xTB", metavar="NAME", help="level of these labels (default %(default)s)"
    )
    parser.add_argument(
        "--molecules", type=positive_int, default=200, metavar="N", help="how many (default %(default)s)"
    )
    parser.add_argument(
        "--min-heavy", type=positive_int, default=15, metavar="N", help="heavy atoms (default %(default)s)"
    )
    parser.add_argument(
        "--picoseconds", type=positive, default=5.0, help="length of the dynamics (default %(default)s)"
    )
    parser.add_argument(
        "--temperature", type=positive, default=300.0, metavar="K", help="in kelvin (default %(default)s)"
    )
    parser.add_argument("--seed", type=int, default=1, help="of velocities and noise (default %(default)s)")


def run(arguments: argparse.Namespace) -> int:
    from virialff.benchmarks.held_out import SplitRule, read_held_out
    from virialff.benchmarks.stability import BATCH, StabilityResult, stability
    from virialff.commands.messages import progress_lines
    from virialff.models.registry import load_model
    from virialff.settings import ASSETS

    form_of(str(arguments.output), ("jsonl",))
    model = load_model(arguments.model)
    settings = {
        "model_sha256": model.sha256,
        "picoseconds": arguments.picoseconds,
        "temperature": arguments.temperature,
        "seed": arguments.seed,
    }
    rows = read_rows(arguments.output, settings)
    held_out = read_held_out(
        arguments.labels or ASSETS / "data" / "gfn2.parquet",
        arguments.level,
        [SplitRule.of_card(arguments.model, model.card)],
        max_molecules=arguments.molecules,
        min_heavy=arguments.min_heavy,
    )
    known = {row.key for row in rows}
    chosen = [entry.molecule for entry in held_out.molecules if entry.inchikey not in known]
    tell = progress_lines()
    with arguments.output.open("a", encoding="utf-8") as file:
        for first in range(0, len(chosen), BATCH):
            left = chosen[first : first + BATCH]
            for row in stability(
                model,
                left,
                picoseconds=arguments.picoseconds,
                temperature=arguments.temperature,
                seed=arguments.seed + len(rows),
                progress=lambda ps, _, done=first: tell(  # type: ignore[misc]
                    "picoseconds of all molecules",
                    round(done * arguments.picoseconds + ps),
                    round(len(chosen) * arguments.picoseconds),
                ),
            ):
                rows.append(row)
                file.write(json.dumps(settings | asdict(row), ensure_ascii=False) + "\n")
            file.flush()
    if not rows:
        raise ConfigError("the labels hold no molecule of this size that the model was not trained on")
    print(as_text(StabilityResult(tuple(rows), arguments.picoseconds, arguments.temperature)))
    return ExitCode.OK


def read_rows(path: Path, settings: dict[str, Any]) -> list[StabilityRow]:
    """What an earlier run has left; half a line at the end, as a kill leaves it, is cut off.

    Raises ConfigError for a file of other settings, or that is none of this command's, and where it cannot be written.
    """
    from virialff.benchmarks.stability import StabilityRow

    try:
        text = path.read_text(encoding="utf-8") if path.exists() else ""
        whole = text[: text.rfind("\n") + 1]
        if whole != text or not path.exists():
            path.write_text(whole, encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(
            f"{path} cannot be read and written as a file of lines ({reason_of(error)}); name another one"
        ) from error
    rows = []
    for number, line in enumerate(whole.splitlines(), start=1):
        try:
            values = json.loads(line)
            found = {name: values.pop(name) for name in settings}
            for name in ("relaxation_changes", "dynamics_changes"):
                values[name] = tuple(values[name])
            rows.append(StabilityRow(**values))
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise ConfigError(
                f"{path}, line {number}, is no result of `virialff stability`: name another file"
            ) from error
        for name, value in settings.items():
            if found[name] != value:
                raise ConfigError(
                    f"{path} is of {name} {found[name]} and this is of {value}: name another file, or remove it"
                )
    return rows


def as_text(result: Any) -> str:
    """The shares with their intervals, and the molecules that changed."""
    tried = [row for row in result.rows if not row.failure]
    lines = []
    if tried:
        for what, title in (
            ("relaxation", "keep their bonds in relaxation"),
            ("dynamics", f"and in {result.picoseconds:g} ps at {result.temperature:g} K"),
        ):
            share, low, high = (100 * value for value in result.share(what))
            lines.append(f"{share:.1f} % ({low:.1f} to {high:.1f}) of {counted(len(tried), 'molecule')} {title}")
    for row in result.rows:
        if row.failure:
            lines.append(f"{row.smiles}: not tried: {row.failure}")
        elif row.relaxation_changes:
            lines.append(f"{row.smiles}: relaxation: {row.relaxation_changes[0]}")
        elif row.dynamics_changes:
            lines.append(f"{row.smiles}: after {row.changed_after_ps:g} ps {row.dynamics_changes[0]}")
    return "\n".join(lines)
