"""The service, drawn instead of generated: the same wire, the same oddities, no bill."""
