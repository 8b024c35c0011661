"""Training jobs on this machine or on SLURM; `training.jobs.control` starts, lists, follows, stops and resumes them."""
