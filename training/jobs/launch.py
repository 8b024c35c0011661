"""`python -m training.jobs.launch FOLDER ATTEMPT`: submits a job of this machine, and ends when the job is at work.

It runs in a session of its own, so that no Ctrl-C and no closed terminal of whoever starts a job reaches the job, and
holds the descriptor by which the job counts as alive until the job does.
"""

import sys
import time
from pathlib import Path

import submitit

from training.jobs.record import JobFolder
from training.jobs.work import work
from training.slurm import NO_LIMIT


def main(path: Path, attempt: int) -> int:
    """Returns 0 once the job's process has told its state, 1 if that process is gone."""
    folder = JobFolder(path)
    executor = submitit.LocalExecutor(folder.submission(attempt))
    executor.update_parameters(timeout_min=NO_LIMIT)
    job = executor.submit(work, path, attempt)
    while folder.state(attempt) is None:
        if job.state != "RUNNING":
            return 1
        time.sleep(0.02)
    return 0


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]), int(sys.argv[2])))
