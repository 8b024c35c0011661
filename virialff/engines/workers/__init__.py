"""Programs run by the engines in processes of their own; nothing here is imported by the library itself."""
