"""Every option and argument that takes a path is a door: listed with its command lines, and tried."""

from hostile.doors import DOORS, NAMES, find_text_parameters


def test_every_option_that_takes_a_path_is_a_door():
    names = {(command, option) for command, options in NAMES.items() for option in options.split()}
    doors = {(door.command, door.option) for door in DOORS}
    assert not names & doors
    assert find_text_parameters() == names | doors
