"""Workers that train together: the protocol `Group`, its engines, and how a started worker finds its group."""

from cnnkit.backends.groups.finding import find_group, find_launcher
from cnnkit.backends.groups.group import Group
from cnnkit.backends.groups.thread_group import run_in_threads

__all__ = ["Group", "find_group", "find_launcher", "run_in_threads"]
