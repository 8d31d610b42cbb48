"""Dead letters: retry, resolve, filter, triage and regroup."""
