"""What `python main.py` does: one machine's parts started in order, kept alive, stopped in order."""
