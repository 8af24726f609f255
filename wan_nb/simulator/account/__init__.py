"""What one simulated account holds: tasks, uploads, limits, clock, faults, configuration."""
