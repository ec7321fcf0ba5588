"""The exported models and the web service that answers from them alone."""
