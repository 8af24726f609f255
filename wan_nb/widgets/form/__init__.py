"""The form: its controls, what is in them, and files that are dropped on it."""
