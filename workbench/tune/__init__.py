"""`workbench tune`: a search over configurations. Optuna stores, prunes and resumes the trials.

Begin with `search.tune`; `search_space` reads what is drawn.
"""
