"""Hand-written kernel loops. They are built together with generated leaves (`exude.engine.build`), never imported."""
