"""The wire: what may be sent, what comes back, and the only place that speaks HTTP."""
