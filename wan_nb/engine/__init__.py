"""From a checked request to a clip on disk: service, submit, settle, queue, download, runner, workspace, polling."""
