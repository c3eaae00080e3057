"""Search for a configuration with Optuna.

Begin with `workbench.tune.commands`, which `workbench tune` calls; `search_space` reads what may vary.
"""
