"""Pages of the site that are made when it is built, from the declarations, the catalogue and the docstrings."""
