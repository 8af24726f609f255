"""Text to frozen values: options, cells, variants, templates; knows no IPython."""
