"""The command `virialff`: finds the command that was asked for, runs it, and turns every error into one sentence."""

from __future__ import annotations

import argparse
import importlib
import importlib.metadata
import importlib.util
import os
import sys
from collections.abc import Sequence

from virialff.commands import GROUP, Command, ExitCode, add_command
from virialff.commands.messages import complain, set_quiet
from virialff.commands.output import harmless_output
from virialff.commands.parser import Parser, UsageError, option_of
from virialff.errors import (
    AccessError,
    CheckpointError,
    ConfigError,
    EngineError,
    MoleculeError,
    QuotaError,
    ReadOnlyError,
    VirialffError,
)
from virialff.files import disk_problem
from virialff.settings import CHECKOUT, INSTALLED, TRACEBACK_VARIABLE, shows_traceback
from virialff.text import reason_of

#: Modules of the built-in commands, in the order of the help text.
BUILT_IN = {
    name: f"virialff.commands.{name}"
    for name in (
        "info",
        "params",
        "export",
        "distribution",
        "energy",
        "interaction",
        "conformers",
        "scan",
        "evaluate",
        "stability",
        "models",
        "data",
        "app",
    )
}

DESCRIPTION = "Force-field parameters of a molecule from its structural formula: charges, pair potential, energies."
EPILOG = """\
examples:
  virialff info                              versions, models, engines and why one is missing
  virialff params "CC(=O)Oc1ccccc1C(=O)O"    charges and pair parameters of aspirin
  virialff params drugs.sdf --output pairs.csv
  virialff export "CCO" --to openmm -o ethanol  the force field as a System of OpenMM
  virialff energy conformers.sdf --method model,gfn2,ani
  virialff energy "CCCO" --generate 10 --json
  virialff conformers "CCCO" --generate 20 --relax gfn2 --rmsd 0.25 --method gfn2,model --sdf ranked.sdf
  virialff scan "CCO" --atoms 1,2,3,9 --method model,gfn2 --reference gfn2
  virialff evaluate default                  errors of models, GFN2-xTB and ANI side by side
  virialff models add my-model.zip           keep a model under its name; `models default` chooses it
  virialff data info assets/data             labels by level of theory, kind, element, failure

exit codes:
  0    everything asked for was done
  1    some records or methods failed; each is named on standard error and the rest is printed
  2    the command line is wrong
  3    nothing in the input can be used
  4    the model or a method is not available here
  70   a fault of virialff itself (set VIRIALFF_TRACEBACK=1 to see where)
  130  interrupted from the keyboard; params also by SIGTERM
  141  the reader of the output went away
"""


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line and return its exit code. Errors go to standard error as one sentence."""
    with harmless_output():
        return _main(list(sys.argv[1:] if argv is None else argv))


def _main(arguments: list[str]) -> int:
    _offer_shipped()
    try:
        code = _run(arguments)
        sys.stdout.flush()
    except BrokenPipeError:
        # Python would flush the dead pipe once more while it shuts down, and complain.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return ExitCode.BROKEN_PIPE
    except KeyboardInterrupt:
        return _fail("interrupted", ExitCode.INTERRUPTED)
    except MoleculeError as error:
        return _fail(str(error), ExitCode.INPUT)
    except (AccessError, CheckpointError, EngineError, QuotaError, ReadOnlyError) as error:
        return _fail(_with_option(error), ExitCode.UNAVAILABLE)
    except ConfigError as error:
        return _fail(_with_option(error), ExitCode.USAGE)
    except VirialffError as error:
        return _fail(str(error), ExitCode.INPUT)
    except OSError as error:
        return _fail(disk_problem(error), ExitCode.INPUT)
    except Exception as error:  # the edge of the program: a fault is reported, not hidden
        if shows_traceback():
            raise
        kind = type(error).__name__
        return _fail(
            f"a fault of virialff itself ({kind}: {error}); {TRACEBACK_VARIABLE}=1 shows where", ExitCode.FAULT
        )
    return code


def _offer_shipped() -> None:
    """Let an installed wheel find the app and `training`, which it carries in a folder, and its processes too."""
    folder = str(CHECKOUT)
    if INSTALLED and folder not in sys.path:
        sys.path.insert(0, folder)
        os.environ["PYTHONPATH"] = os.pathsep.join(filter(None, [folder, os.environ.get("PYTHONPATH")]))


def _run(argv: list[str]) -> int:
    parser, commands = build_parser(argv)
    arguments = parser.parse_args(argv)
    if arguments.command is None:
        parser.print_help()
        return ExitCode.OK
    set_quiet(getattr(arguments, "quiet", False))
    try:
        return commands[arguments.command].run(arguments)
    except UsageError as error:
        asked: argparse.ArgumentParser = arguments.parser
        asked.error(str(error))
    except VirialffError as error:
        error.setting = option_of(arguments.parser, error.setting)
        raise


def build_parser(argv: Sequence[str]) -> tuple[argparse.ArgumentParser, dict[str, Command]]:
    """The parser for this command line, and the commands that were loaded for it.

    A plug-in is loaded only where `argv` names it: its imports must not slow down the others.
    """
    parser: argparse.ArgumentParser = Parser(prog="virialff", description=DESCRIPTION, epilog=EPILOG)
    subparsers = parser.add_subparsers(dest="command", metavar="COMMAND", title="commands")
    commands: dict[str, Command] = {}
    for name, module in BUILT_IN.items():
        commands[name] = importlib.import_module(module)
        add_command(subparsers, name, commands[name])
    asked = next((word for word in argv if not word.startswith("-")), None)
    for entry in plug_ins():
        if entry.name == asked:
            commands[entry.name] = _load(entry)
            add_command(subparsers, entry.name, commands[entry.name])
        elif _present(entry):
            subparsers.add_parser(entry.name, help=f"of the package {entry.module.partition('.')[0]}", add_help=False)
    return parser, commands


def plug_ins() -> list[importlib.metadata.EntryPoint]:
    """Entry points of the commands that other packages add, by name; a built-in command cannot be replaced."""
    found = {entry.name: entry for entry in importlib.metadata.entry_points(group=GROUP)}
    return [found[name] for name in sorted(found) if name not in BUILT_IN]


def _present(entry: importlib.metadata.EntryPoint) -> bool:
    return importlib.util.find_spec(entry.module.partition(".")[0]) is not None


def _load(entry: importlib.metadata.EntryPoint) -> Command:
    package = entry.module.partition(".")[0]
    try:
        command: Command = entry.load()
    except ImportError as error:
        raise EngineError(
            f"the command `{entry.name}` belongs to the package `{package}`, which cannot be loaded here "
            f"({reason_of(error)}); "
            'in a checkout `make install` brings what it needs, elsewhere pip install "virialff[train]"'
        ) from error
    return command


def _with_option(error: VirialffError) -> str:
    return f"argument {error.setting}: {error}" if error.setting.startswith("-") else str(error)


def _fail(sentence: str, code: ExitCode) -> ExitCode:
    complain(sentence)
    return code


if __name__ == "__main__":
    sys.exit(main())
