//! The `kimage` command: parse the arguments, run one command, turn its outcome into an exit code.

fn main() {}
