//! Authorities, certificates and keys of a cluster.
