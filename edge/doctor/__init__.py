"""`edge doctor`: look at everything that live listening needs, and say what to do.

Begin with `examine`, which runs the checks in order; each yields `Finding`s. What machine, model and alerts are like
is in `checks`, a source in `source`, and the measures of its audio in `signal`.
"""
