"""Training: by descent, or by a ridge regression on features without any; what a run leaves behind.

Begin with `workbench.train.commands`, which `workbench train` calls; `closed_form` trained the shipped model, `descent`
trains the others, `runs` is the run folder.
"""
