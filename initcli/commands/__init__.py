"""What each command does: arguments to report. Nothing here prints or exits."""
