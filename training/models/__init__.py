"""From a run to a model with a card."""
