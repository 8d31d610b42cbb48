"""Ids for parameters of tests: the same in every process that collects them."""

# Well formed, and nobody's.
NOBODYS_ID = "0193f3a0-0000-7000-8000-000000000000"
