"""From a checked request to a clip on disk; `Workspace` is what the rooms above see of it."""
