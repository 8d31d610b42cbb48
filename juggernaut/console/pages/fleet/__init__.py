"""Pages of workers, processes, circuit breakers, sweeps and retention."""
