"""The only home of IPython and widgets."""
