"""Structures: elements, bonds, charges, stereochemistry, and what may be said of them."""
