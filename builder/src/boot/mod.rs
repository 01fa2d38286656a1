//! Boots what was built, in QEMU.
