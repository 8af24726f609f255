"""A race: seeds are bought in steps, for those that can still win, until the votes decide or the money is spent."""
