"""The sections of the diagnosis, one module each."""
