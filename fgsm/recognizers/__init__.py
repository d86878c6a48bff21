"""Recognisers: networks with their people, read from checkpoints; scoring and training them."""
