"""What leaves the pipeline: the export that the service answers from, and Tableau extracts."""
