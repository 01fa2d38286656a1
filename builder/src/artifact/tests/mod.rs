//! Artifacts from a mirror to a slice: what is stored, what is refused, what is noticed.

mod folder;
mod http;
mod mirror;
mod registry;
mod server;
