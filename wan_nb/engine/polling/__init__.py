"""When to ask the service what became of a task, and how fast an account may be asked."""
