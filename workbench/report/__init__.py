"""What people read of an evaluation: the HTML page, its figures and sentences, and the model card.

Begin with `workbench.report.files`, which the commands call.
"""
