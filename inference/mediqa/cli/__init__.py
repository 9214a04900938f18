"""Commands of ``python -m inference.mediqa``, one file each."""
