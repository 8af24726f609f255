"""The simulator's HTTP: API, storage, control, answers that are broken on purpose."""
