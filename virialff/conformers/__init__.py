"""Conformers: made, relaxed, ranked, scanned, read."""

from virialff.conformers.generation import generate

__all__ = ["generate"]
