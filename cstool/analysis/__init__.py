"""Why the numbers are what they are: by texts, by languages, by scores."""
