"""What stands between pytest and the reports: verdicts, time limits, the streamed record of a run."""
