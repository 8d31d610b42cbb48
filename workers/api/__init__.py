"""What of the work is shown over HTTP."""
