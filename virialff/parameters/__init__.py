"""Parameters of one or many molecules as tables and distributions."""
