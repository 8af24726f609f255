"""Doctor, bundle, cost."""
