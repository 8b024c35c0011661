"""Commands of the training package, plugged into `virialff` by entry points."""
