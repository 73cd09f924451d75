"""A phone made of software: speaks the adb wire protocol on loopback, for tests and for trying things
without a phone.

    with PhoneDouble(Profile(), folder) as phone:
        subprocess.run(["adb", "connect", phone.address])

The real adb client connects to it as to a phone on the network. What is pushed lands in a folder, and shell
commands run on this machine, inside that folder, with `getprop`, `dumpsys` and the like answering for a
described phone.
"""

from latency.testing.phone import PhoneDouble
from latency.testing.profile import BIG_LITTLE, LOW_BATTERY, PLAIN, SCREEN_OFF, THROTTLING, Faults, Profile

__all__ = [
    "BIG_LITTLE",
    "LOW_BATTERY",
    "PLAIN",
    "SCREEN_OFF",
    "THROTTLING",
    "Faults",
    "PhoneDouble",
    "Profile",
]
