"""Settings of all tests: how many examples hypothesis tries, and whether it repeats itself.

``fast`` is what people and CI run; in CI (``CI=true``) the examples are the same in every run, so that a red
build is repeatable. ``deep`` tries a hundred times as many, different ones each time:
``HYPOTHESIS_PROFILE=deep``. A test that names a number of examples of its own keeps it. Nothing has a
deadline: a slow machine is no fault.
"""

from __future__ import annotations

import os

from hypothesis import HealthCheck, settings

EXAMPLES_FAST = 50
EXAMPLES_DEEP = 5_000

settings.register_profile(
    "fast",
    max_examples=EXAMPLES_FAST,
    derandomize=os.environ.get("CI", "").lower() == "true",
    deadline=None,
    print_blob=True,
    suppress_health_check=[HealthCheck.too_slow],
)
settings.register_profile(
    "deep", settings.get_profile("fast"), max_examples=EXAMPLES_DEEP, derandomize=False
)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "fast"))
