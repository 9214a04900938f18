"""Versions that decide whether stored things still fit this code. No imports."""

PREPROCESSING_VERSION = "2"  # raised whenever the same image gives other tiles
CODE_VERSION = "4"  # raised whenever the same training gives another model
CHECKPOINT_FORMAT = 1
