"""QMugs (Isert et al., Sci. Data 2022, 9, 273): the published files as labels."""
