"""Known damage: real slices, degraded copies of them, and how well a model orders these."""
