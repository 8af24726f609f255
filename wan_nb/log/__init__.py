"""The run log: states, rows, schema, migrations, database, queries, budget; and the only pandas."""
