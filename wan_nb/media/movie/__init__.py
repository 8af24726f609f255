"""Several clips in one file: one after the other, or beside each other."""
