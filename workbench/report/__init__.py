"""What people read of an evaluation.

`report` scores a split and keeps the JSON, `text` prints it, `page` makes one HTML file of it with `figures`, `gallery`
and the sentences of `plain_words`, and `card` writes the measured part of a model card. Begin with `report`.
"""
