"""The task types that come with Juggernaut, one module each."""
