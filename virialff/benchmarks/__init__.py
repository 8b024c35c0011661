"""Errors of models and other methods, measured on data that no model was trained on."""
