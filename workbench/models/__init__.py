"""The networks, each family a list of blocks on one screen: `patches` (ships), `tcn` (baseline), `dessa` (published).

Begin with `workbench.models.patches`. `blocks` holds what they are listed from, `network` the views of a list: whole
clip for training, step of a stream for shipping.
"""
