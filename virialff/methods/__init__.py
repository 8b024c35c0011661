"""Whatever gives an energy, by name, and what several of them say of the same geometries."""
