"""How the framework itself writes days and numbers, where it does so beside Babel: a folder for each language."""
