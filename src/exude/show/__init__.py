"""Who looks: figures, tables, the report and the command line."""
