"""The file of the log: is it still the same, may it be written, and does the kernel live that posts."""
