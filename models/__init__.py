"""The trained network that ships with the project, and how it was trained."""
