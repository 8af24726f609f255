"""The comparison player, the vote and the report in a real Chromium."""
