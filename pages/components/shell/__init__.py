"""What every page stands in: the session, the model, work in the background."""
