"""Training: by a ridge regression on learnt filters, which trained the shipped model, or by gradient descent.

Begin with `ridge.fit_ridge`, the recipe on one screen, and `descent.fit`. `training.run_training` is what `workbench
train` calls; `inputs` reads configuration and clips, `dev` scores the dev split, `runs` is the run folder.
"""
