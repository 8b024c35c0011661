"""What every command has in common: its short options, and errors of the command line that are its own."""

from __future__ import annotations

import argparse
import subprocess
import sys

import pytest

from virialff import __version__, cli
from virialff.commands import ExitCode
from virialff.commands.parser import Parser


def parsers() -> dict[str, argparse.ArgumentParser]:
    """Every parser by the words that lead to it, those of other packages of the checkout too."""
    found: dict[str, argparse.ArgumentParser] = {}

    def collect(words: tuple[str, ...], parser: argparse.ArgumentParser) -> None:
        found[" ".join(words)] = parser
        for action in parser._actions:
            if isinstance(action, argparse._SubParsersAction):
                for name, child in action.choices.items():
                    collect((*words, name), child)

    top, _ = cli.build_parser([])
    for name in [name for action in top._actions if isinstance(action.choices, dict) for name in action.choices]:
        asked, _ = cli.build_parser([name])
        for action in asked._actions:
            if isinstance(action.choices, dict):
                collect((name,), action.choices[name])
    return found


def test_short_options_are_the_same_everywhere():
    found = parsers()
    assert {"energy", "params", "models list", "data merge", "data pack", "jobs follow", "train", "label"} <= set(found)
    for words, parser in found.items():
        options = parser._option_string_actions
        assert isinstance(parser, Parser), words
        assert options["-q"] is options["--quiet"], words
        assert options["-V"] is options["--version"], words
        if "--output" in options:
            assert options["-o"] is options["--output"], words
        for name in ("--method", "--model"):
            if name in options:
                assert options["-m"] is options[name], words
                break
        else:
            assert "-m" not in options, words


def usage_error(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[str, str]:
    """The first line and the last one of what a wrong command line says."""
    try:
        code = cli.main(arguments)
    except SystemExit as end:  # argparse ends this way
        code = int(end.code or 0)
    out, err = capsys.readouterr()
    assert (code, out) == (ExitCode.USAGE, "")
    return err.splitlines()[0], err.splitlines()[-1]


@pytest.mark.parametrize(
    ("arguments", "command", "says"),
    [
        (["enrgy", "CCO"], "virialff", "there is no command 'enrgy'; did you mean energy?"),
        (["--jsn", "energy"], "virialff", "there is no option --jsn; options come after the name of the command"),
        (["models", "lst"], "virialff models", "there is no action 'lst'; did you mean list?"),
        (["data", "import-sfd"], "virialff data", "there is no action 'import-sfd'; did you mean import-sdf?"),
        (["energy"], "virialff energy", "the following arguments are required: FILE|SMILES"),
        (["energy", "CCO", "--methd", "gfn2"], "virialff energy", "there is no option --methd; did you mean --method?"),
        (["energy", "--methd=gfn2"], "virialff energy", "there is no option --methd; did you mean --method?"),
        (["models", "list", "--jsno"], "virialff models list", "there is no option --jsno; did you mean --json?"),
        (
            ["data", "merge", "--ouput", "x"],
            "virialff data merge",
            "there is no option --ouput; did you mean --out",
        ),
        (["params", "CCO", "-x"], "virialff params", "there is no option -x"),
        (["energy", "CCO", "--generate", "x"], "virialff energy", "argument --generate: 'x' is not a whole number"),
        (["energy", "CCO", "--generate", "0"], "virialff energy", "argument --generate: 0 is not a positive number"),
        (["energy", "CCO", "--seed", "1.5"], "virialff energy", "argument --seed: '1.5' is not a whole number"),
        (["energy", "CCO", "--seed"], "virialff energy", "argument --seed: expected one argument"),
        (["energy", "CCO", "-m", "dft"], "virialff energy", "argument -m/--method: there is no method 'dft'; choose"),
        (["energy", "CCO", "-m", ","], "virialff energy", "argument -m/--method: it names none; choose from model,"),
        (
            ["conformers", "CCO", "--relax", "uff3"],
            "virialff conformers",
            "argument --relax: there is no method 'uff3'",
        ),
        (
            ["conformers", "CCO", "--temperature", "0"],
            "virialff conformers",
            "argument --temperature: 0 is not pos",
        ),
        (["conformers", "CCO", "--rmsd", "nan"], "virialff conformers", "argument --rmsd: 'nan' is not a number"),
        (["scan", "CCO", "--atoms", "1"], "virialff scan", "argument --atoms: '1' is not two, three or four numbers"),
        (["scan", "C", "--atoms", "1,2", "--to", "far"], "virialff scan", "argument --to: 'far' is not a number"),
        (["scan", "C", "--atoms", "1,2", "--reference", "gfn2"], "virialff scan", "argument --reference: gfn2 is not"),
        (["params", "CCO", "--table", "pair"], "virialff params", "argument --table: 'pair' is none of pairs, "),
        (["stability", "default"], "virialff stability", "the following arguments are required: -o/--output"),
        (
            ["label", "x.yaml", "--workrs", "2"],
            "virialff label",
            "there is no option --workrs; did you mean --work",
        ),
    ],
)
def test_a_usage_error_is_of_the_command_itself(capsys, arguments, command, says):
    first, last = usage_error(capsys, *arguments)
    assert first.startswith(f"usage: {command} ["), first
    assert last.startswith(f"{command}: error: {says}"), last


@pytest.mark.parametrize("words", [["energy"], ["models", "list"], ["train"], []])
def test_every_command_tells_the_version(capsys, words):
    with pytest.raises(SystemExit) as end:
        cli.main([*words, "-V"])
    assert (end.value.code, capsys.readouterr().out) == (0, f"virialff {__version__}\n")


def test_quiet_leaves_out_notes_and_keeps_errors(capsys, tmp_path):
    file = tmp_path / "some.csv"
    file.write_text("smiles,isomeric_smiles,name\nCCO,CCO,ethanol\nX,X,wrong\n")
    output = tmp_path / "charges.csv"
    code = cli.main(["params", str(file), "-o", str(output)])
    loud = capsys.readouterr().err.splitlines()
    assert code == ExitCode.SOME_FAILED
    assert any("its SMILES is from the column" in line for line in loud)
    assert any(line.startswith("virialff: wrote ") for line in loud)
    assert cli.main(["params", str(file), "-q", "-o", str(output)]) == code
    errors = capsys.readouterr().err.splitlines()
    assert errors == [line for line in loud if line.startswith("virialff: record 2 (wrong): ")]
    assert cli.main(["params", str(file), "-o", str(output)]) == code
    assert capsys.readouterr().err.splitlines() == loud


def test_a_command_that_is_wrong_ends_at_once():
    result = subprocess.run(
        [sys.executable, "-X", "importtime", "-m", "virialff.cli", "enrgy"], capture_output=True, text=True, timeout=60
    )
    assert result.returncode == ExitCode.USAGE
    assert "| torch" not in result.stderr
    assert "rdkit" not in result.stderr
