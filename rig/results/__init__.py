"""What a run leaves: its record, the files of its tests, and the words for how they ended. Runner and reports stand on it."""
