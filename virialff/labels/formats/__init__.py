"""Files of others that hold geometries with energies: one module a format, which reads and writes it."""
