"""The commands of `edge`, one file each: parse options, call one function, print.

Begin with `edge.cli.main`, the group.
"""
