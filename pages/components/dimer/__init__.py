"""Widgets of the page Dimer."""
