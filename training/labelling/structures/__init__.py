"""Molecules to label and their geometries."""
