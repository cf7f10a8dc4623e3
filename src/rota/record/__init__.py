"""The record of a change: what was done, why, with which measures before and after, as a page for the next developer."""
