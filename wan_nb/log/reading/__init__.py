"""What is read out of the log: filters, takes, damaged values, and the DataFrame."""
