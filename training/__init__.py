"""Training: label campaigns, presets and the loop that makes a checkpoint. Part of the checkout, not of the wheel."""
