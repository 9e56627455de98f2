"""Stance and policy type of sentences in news on U.S. immigration policy."""
