//! Inputs known by digest: where upstream keeps them, the store, the lock, fetching.
