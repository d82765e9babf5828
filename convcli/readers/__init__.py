"""Model files → models.

`formats` is the table of all formats. A reader turns a file into a plain mapping (the form of a YAML model file), and
`validate` builds the model from it. To add a format, write one module with a `Reader` and add one line to the table.
"""
