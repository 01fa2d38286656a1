//! Tells cargo what is embedded, so that a file added to it is seen.

fn main() {
    for directory in ["overlays", "images", "cloud-init"] {
        println!("cargo:rerun-if-changed=../{directory}");
    }
}
