"""What to train and how: YAML files, checked, and the presets."""
