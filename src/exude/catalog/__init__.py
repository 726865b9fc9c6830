"""What has been measured: tables of parameters, lines, drugs, evidence and references, checked on load."""
