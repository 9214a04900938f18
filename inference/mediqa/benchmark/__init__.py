"""MedIQA against what it has to beat, in one harness."""
