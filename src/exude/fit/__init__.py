"""What the data say: priors, accepted parameter sets, and how they were found."""
