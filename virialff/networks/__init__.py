"""The networks of sections 4.1 and 4.2 of the paper: torch only."""
