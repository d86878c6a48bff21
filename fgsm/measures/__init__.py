"""Measures: what is found out about recognisers under attack, in numbers, words, tables and figures."""
