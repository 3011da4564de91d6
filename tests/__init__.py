"""Tests of Coldpress; their folders mirror the source tree."""
