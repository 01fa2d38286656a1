//! Finished files: under a temporary name, flushed, renamed.
