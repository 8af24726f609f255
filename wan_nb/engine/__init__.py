"""Running and remembering: everything between a checked request and a clip on disk."""
