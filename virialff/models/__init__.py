"""Trained models: their files, their cards, and the force fields that they give."""
