"""The records of each file format, one module a kind of format; `virialff.io.read` is the way in."""
