"""What leaves the pipeline: the export that the service answers from, the data package, and Tableau extracts.

An export is made in the shape that `service.manifest` states and is tried by the service's own start; it has no pages.
"""
