"""Fooling face recognisers with the Fast Gradient Sign Method (Goodfellow et al., 2015)."""
