"""Faces: from any file to an aligned square, and data sets of them."""
