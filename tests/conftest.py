"""What all tests share."""

import os

from hypothesis import settings

# Tiny tensors gain nothing from threads, which wait for each other where the
# machine is busy. Set before torch is imported; the tests' own processes inherit it.
os.environ.setdefault("OMP_NUM_THREADS", "1")

# Deadlines measure the machine, not the code.
settings.register_profile("cofeat", deadline=None, max_examples=60)
settings.load_profile("cofeat")
