"""Comparing: grids of requests, measures of clips, votes and what they say."""
