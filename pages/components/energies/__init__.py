"""Widgets of the page Energies."""
