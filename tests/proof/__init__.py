"""The proof: every simulator against its law at one false-alarm rate, and every planted fault against all of them."""
