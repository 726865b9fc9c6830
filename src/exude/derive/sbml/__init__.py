"""SBML, the field's language for models: Level 3 Version 2 core, written from the declared cascade."""
