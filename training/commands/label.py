"""`virialff label CONFIG`: run a label campaign, or go on with it, on this machine or on a SLURM cluster."""

import argparse
from pathlib import Path

from virialff.commands import ExitCode
from virialff.commands.messages import is_quiet
from virialff.errors import ConfigError

SUMMARY = "compute training labels by a campaign's configuration"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Arguments of `virialff label`."""
    parser.add_argument("config", type=Path, help="a campaign, such as training/presets/labels_gfn2.yaml")
    parser.add_argument("--cluster", choices=("local", "slurm"), help="where to compute (default: the configuration's)")
    parser.add_argument("--workers", type=int, help="worker processes or jobs (default: the configuration's)")
    parser.add_argument("--folder", type=Path, help="label store to write (default: the configuration's)")
    parser.add_argument("--interval", type=float, default=10.0, help="seconds between lines of progress (default 10)")


def run(arguments: argparse.Namespace) -> int:
    """Compute what is missing. Safe to stop, to kill, to start again and to start several times at once."""
    from training.labelling.campaign.run import run_campaign
    from training.labelling.config import load_campaign

    config = load_campaign(arguments.config)
    if arguments.workers is not None and arguments.workers < 1:
        raise ConfigError(f"--workers {arguments.workers}: a campaign needs at least one worker")
    if arguments.interval <= 0:
        raise ConfigError(f"--interval {arguments.interval:g}: the seconds between lines of progress must be positive")
    given = {"cluster": arguments.cluster, "workers": arguments.workers, "folder": arguments.folder}
    config = config.model_copy(update={name: value for name, value in given.items() if value is not None})
    outcome = run_campaign(config, interval=arguments.interval, say=_say)
    if outcome.open:
        print(f"{outcome.open} chunks are open: run the same command again to compute them")
        return ExitCode.SOME_FAILED
    if outcome.elsewhere:
        print(f"{outcome.elsewhere} chunks are in the hands of another run of this campaign")
        return ExitCode.OK
    print(f"finished: {outcome.finished} chunks in {config.folder}; `virialff data info {config.folder}` counts them")
    return ExitCode.OK


def _say(line: str) -> None:
    if not is_quiet():
        print(line, flush=True)
