"""Arithmetics: how modules of each type are stored, described, exported and checked."""
