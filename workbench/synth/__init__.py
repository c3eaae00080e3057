"""`workbench synth`: spoof clips by vocoders that copy recordings and by speech synthesisers.

Begin with `batch.synthesise`; `catalog` is the table of engines, `tasks` plans, `making` makes one clip, `matching`
gives a copy the recording conditions of its original.
"""
