"""The classical pair potential, Eq. 20-24: torch only, one pure function a term."""
