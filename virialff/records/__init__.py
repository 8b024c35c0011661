"""The records of each file format, one module a kind of format; `virialff.reading` is the way in."""
