"""The supervisor of `python main.py`: starts the parts of one machine, restarts and stops them in order."""
