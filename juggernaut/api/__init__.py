"""What of the installation itself is steered over HTTP."""
