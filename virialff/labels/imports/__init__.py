"""Labels from the files of others."""
