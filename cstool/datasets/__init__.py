"""Known datasets, each family turned into queries, passages and judgements."""
