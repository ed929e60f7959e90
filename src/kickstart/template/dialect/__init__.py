"""The template language of Backstage, with JavaScript's semantics.

A template is scanned, parsed, and compiled to closures. No Python attribute, global or code object is
ever reached from a template: a name is looked up in dictionaries, a method or filter in a table.
"""
