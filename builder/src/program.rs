//! Other programs, run in one place.
