"""Training data: manifests, readers of published corpora, leak checks, cached audio, batches.

Begin with `workbench.data.manifest`; `readers` turn a corpus on disk into one, `cache`, `sampling` and `loader` turn it
into batches.
"""
