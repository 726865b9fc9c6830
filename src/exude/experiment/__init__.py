"""What one does to cells and reads from them."""
