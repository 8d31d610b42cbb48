"""Pages that operators watch: what is being spent, and how the circuit breakers stand."""
