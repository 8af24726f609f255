"""Whether the simulator answers as the service does: recorded exchanges, played again and compared.

A recording is a file of JSON lines, one `Exchange` each, without keys, links and ids. `documented.jsonl` holds those
that the documentation gives; ``python -m wan_nb.simulator record`` makes real ones for whoever has a key.
"""
