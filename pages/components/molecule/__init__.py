"""Widgets of the page Molecule."""
