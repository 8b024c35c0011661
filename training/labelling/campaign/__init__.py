"""Where and how long the workers of a campaign run."""
