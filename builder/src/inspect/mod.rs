//! Looks into finished images.
