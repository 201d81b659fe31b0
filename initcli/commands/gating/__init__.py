"""What fails a run: options, and what a project has settled once and for all."""
