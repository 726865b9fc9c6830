"""One declaration, several readings: grammar of rate texts, symbols, leaves for the kernels."""
