"""The watchdog: leadership, heartbeat, and the sweep with its duties."""
