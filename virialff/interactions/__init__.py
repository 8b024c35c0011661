"""Interaction energies of complexes, and complexes put together and pulled apart."""
