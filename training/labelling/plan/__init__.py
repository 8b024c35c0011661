"""Which tasks a campaign has."""
