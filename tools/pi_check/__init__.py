"""What `tools/pi_emulation.py` is made of: an ARM system out of packages, the same work on it and here, the difference.

Debian packages give the system, the registry's wheels for ARM the runtime, and qemu the processor; nothing is compiled
here and nothing is copied into the repository.

targets.py      the boards, and what is installed on each
system.py       build a system into a cache, with its wheels
clips.py        recordings to score: cut from the examples, or from a manifest
bundle.py       the folder that every machine gets: the wheel of this checkout, the model, the recordings
machines.py     run Python on this machine, or on an emulated one
guest.py        what runs there beside the command line: a stream in odd pieces against the whole
measurement.py  what one machine says of the recordings
comparison.py   two machines side by side, and the bound between them
"""
