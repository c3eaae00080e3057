"""The commands of `workbench`, one file each: parse options, call one function, print.

Begin with `workbench.cli.main`; heavy imports stay inside the commands, so that --help answers at once.
"""
