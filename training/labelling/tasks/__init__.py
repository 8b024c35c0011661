"""How the tasks of a campaign are computed."""
