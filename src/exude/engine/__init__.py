"""How it runs: arrays in, arrays out."""
