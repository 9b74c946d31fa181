"""One self-contained HTML page out of results: tables, pictures, queries, training samples."""
