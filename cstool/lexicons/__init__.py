"""Bilingual lexicons: where they come from, and where they lie."""
