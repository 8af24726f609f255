"""The POST that pays: in which order, sent once, and settled where its answer is lost."""
