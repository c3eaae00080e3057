"""The edge runtime: score recordings with a shipped model, on NumPy and LiteRT alone."""

__version__ = "0.1.0"
