"""Adapters to what lies outside: files now, other libraries on first use."""
