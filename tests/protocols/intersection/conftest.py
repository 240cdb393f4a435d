"""What is left out where it cannot be: the other library that counts has wheels for some machines only."""

import platform
import sys

WITH_ORACLE = sys.version_info < (3, 12) and (platform.system(), platform.machine()) == ("Linux", "x86_64")
collect_ignore = [] if WITH_ORACLE else ["test_openmined_oracle.py"]  # openmined-psi, as pyproject.toml says
