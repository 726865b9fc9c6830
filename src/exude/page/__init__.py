"""The page in the browser: a server whose routes translate requests into calls of the library."""
