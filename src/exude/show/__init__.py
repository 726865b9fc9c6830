"""Who looks: figures, tables, the report, movies."""
