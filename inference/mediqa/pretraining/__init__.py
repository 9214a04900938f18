"""Upstream pre-training on physical parameters: contents, degraded copies, tasks, training, prior."""
