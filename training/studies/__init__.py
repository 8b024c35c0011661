"""Studies of many short trainings, each in a run folder of its own: `python -m training.studies.ablation`."""
