"""A study of `stats --identify`: is the truth in the set, are p-values calibrated, and what of it.

`python -m tests.studies.identify --out tests/studies/identify.md` at the root of the repository
makes the table that is committed beside it.
"""
