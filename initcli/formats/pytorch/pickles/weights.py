"""Bytes that what an opcode writes down takes, beside what it reads, counted generously."""

from __future__ import annotations

STEP = 24  # what takes no memory takes time, and is counted for that
REFERENCE = 16
NUMBER = 32
TEXT = 56
TUPLE = 56
LIST = 88
PAIRS = 176
PAIR = 100  # for finding it by its key
CALL = 96
MEMO = 104
NAME = 320
