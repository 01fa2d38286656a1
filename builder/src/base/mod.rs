//! Distributions' root filesystems, indexed once.
