"""The microcontroller: the control link, its typed commands, flashing, and where the firmware runs."""
