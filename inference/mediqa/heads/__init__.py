"""What fits scores: from features of a frozen network to scores on Criteria, with doubt and intervals. No network."""
