"""Labelled graphs for training: packs and batches."""
