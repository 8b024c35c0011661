"""List, show, follow, stop and resume training jobs; `virialff train RECIPE --cluster local|slurm` starts one.

A job goes on when the command, the shell or the app that started it ends. `stop` lets the training save first, and
`resume` goes on from there.
"""

import argparse
import time
from typing import TYPE_CHECKING

from virialff.commands import ExitCode
from virialff.documents import json_text

if TYPE_CHECKING:
    from training.jobs.record import Job

SUMMARY = "list, show, follow, stop and resume training jobs"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Arguments of `virialff jobs`."""
    actions = parser.add_subparsers(dest="action", metavar="ACTION")
    # Without an action it lists.
    parser.add_argument("--json", action="store_true", default=False, help="print JSON instead of text")
    parser.set_defaults(do=_list, all=False)
    for name, do, text in (
        ("list", _list, "every job: its state, steps, time left"),
        ("show", _show, "one job with its last metrics"),
        ("follow", _follow, "what the training prints, until it ends; Ctrl-C leaves the job alone"),
        ("stop", _act, "let the training save, and end it"),
        ("resume", _act, "start a job again that was stopped, failed or died"),
        ("devices", _devices, "GPUs of this machine with memory and load, partitions of SLURM"),
    ):
        action = actions.add_parser(name, help=text, description=text)
        if name == "list":
            action.add_argument("--all", action="store_true", help="other background commands of the app too")
        elif name != "devices":
            action.add_argument("name", help="name of the job")
        action.add_argument("--json", action="store_true", default=argparse.SUPPRESS, help="print JSON instead of text")
        action.set_defaults(do=do)


def run(arguments: argparse.Namespace) -> int:
    """Do what was asked for."""
    code: int = arguments.do(arguments)
    return code


def _list(arguments: argparse.Namespace) -> int:
    from training.jobs.control import list_jobs
    from training.jobs.record import TRAINING
    from virialff.settings import runs_folder

    jobs = list_jobs(None if arguments.all else TRAINING)
    if arguments.json:
        print(json_text("jobs", {"jobs": [job.as_dict() for job in jobs]}, indent=1))
        return ExitCode.OK
    if not jobs:
        print(f"no jobs in {runs_folder()}; `virialff train RECIPE --cluster local` starts one")
        return ExitCode.OK
    rows = [("job", "state", "step", "time left", "where", "run"), *(_row(job) for job in jobs)]
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    for row in rows:
        print("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip())
    return ExitCode.OK


def _row(job: "Job") -> tuple[str, ...]:
    state = f"{job.state} ({job.position})" if job.position is not None else job.state
    left = job.remaining_seconds
    where = f"SLURM {job.scheduler_id or ''}".strip() if job.cluster == "slurm" else job.host
    about = job.reason if job.state == "damaged" else job.subject
    steps = f"{job.step}/{job.steps}" if job.steps is not None else "-"
    return job.name, state, steps, "-" if left is None else f"{left / 60:.0f} min", where, about


def _show(arguments: argparse.Namespace) -> int:
    from training.jobs.control import find
    from training.loop.metrics import read_metrics

    job = find(arguments.name)
    metrics = read_metrics(job.run)[-1:]
    if arguments.json:
        print(json_text("job", job.as_dict() | {"metrics": metrics[0] if metrics else None}, indent=1))
        return ExitCode.OK
    _print_job(job)
    for name, value in (metrics[0] if metrics else {}).items():
        if name.startswith(("train_", "validation_")) and isinstance(value, (int, float)):
            print(f"  {name:<32} {value:.4g}")
    return ExitCode.OK


def _print_job(job: "Job") -> None:
    name, state, steps, left, where, run = _row(job)
    print(f"{name}: {state}{f', {job.reason}' if job.reason else ''}")
    devices = f", GPU {', '.join(job.devices)}" if job.devices else ""
    print(f"  step {steps}, time left {left}, attempt {job.attempt} on {where}{devices}")
    submitted = time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(job.submitted))
    print(f"  submitted {submitted}, run {run}, log {job.log}")


def _follow(arguments: argparse.Namespace) -> int:
    from training.jobs.control import find, follow

    for line in follow(arguments.name):
        print(json_text("job_line", {"line": line}) if arguments.json else line, flush=True)
    return _tell(find(arguments.name), as_json=arguments.json)


def _act(arguments: argparse.Namespace) -> int:
    from training.jobs import control

    act = control.stop if arguments.action == "stop" else control.resume
    return _tell(act(arguments.name), as_json=arguments.json)


def _devices(arguments: argparse.Namespace) -> int:
    from training.jobs.devices import find_devices

    devices = find_devices()
    if arguments.json:
        print(json_text("devices", devices.as_dict(), indent=1))
        return ExitCode.OK
    for gpu in devices.gpus:
        used, load = (gpu.memory_used_mib, gpu.memory_total_mib), gpu.load_percent
        memory = "" if used[1] is None else f", {used[0]:.0f} of {used[1]:.0f} MiB used"
        print(f"GPU {gpu.index}: {gpu.name}{memory}{'' if load is None else f', load {load:.0f} %'}")
    for partition in devices.partitions:
        default = " (default)" if partition.default else ""
        gpus = f", GPUs {partition.gpus}" if partition.gpus else ""
        print(
            f"SLURM partition {partition.name}{default}: {partition.state}, {partition.nodes} nodes with "
            f"{partition.processors_per_node} processors{gpus}, time limit {partition.time_limit}"
        )
    for sentence in (devices.no_gpu, devices.no_slurm, devices.slurm_said):
        if sentence is not None:
            print(sentence)
    return ExitCode.OK


def _tell(job: "Job", *, as_json: bool) -> int:
    if as_json:
        print(json_text("job", job.as_dict()))
    else:
        _print_job(job)
    return ExitCode.SOME_FAILED if job.state in ("failed", "died", "damaged") else ExitCode.OK
