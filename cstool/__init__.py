"""cstool: cross-lingual rerankers from English-only training data, by artificial code-switching."""

__version__ = "0.1.0"
