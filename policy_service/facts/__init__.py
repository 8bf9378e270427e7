"""What is on file: temporal tables, revisions, and gathering a question's attributes."""
