"""The one door: every call of every tool and model goes through `governed_call`."""
