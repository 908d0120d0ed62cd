"""How a database comes to the schema of `sql.tables`, step by step."""
