"""Labelled conformers: stores, checks, splits, imports."""
