//! Units of systemd that people add, change or mask.

use crate::spec::{Unit, UnitChange};
use crate::tree::{Content, Kind, Layer, Meta, Overwrite, PathError, Sharing};

/// Adds them to a layer. What is to be enabled is found by whoever enables the layer's units.
pub(super) fn add(layer: &mut Layer, units: &[Unit]) -> Result<(), PathError> {
    for Unit { name, change } in units {
        let unit = format!("/etc/systemd/system/{name}");
        match change {
            UnitChange::DropIn(text) => layer.file(
                format!("{unit}.d/50-cluster.conf").parse()?,
                Meta::root(0o644),
                Content::bytes(text.clone()),
            ),
            UnitChange::Content(text) => layer.file(
                unit.parse()?,
                Meta::root(0o644),
                Content::bytes(text.clone()),
            ),
            // The distribution's own, or a link to it, may be there.
            UnitChange::Mask => layer.add(
                unit.parse()?,
                Kind::Symlink("/dev/null".into()),
                Meta::root(0o777),
                Sharing::Role,
                Overwrite::Replace,
            ),
        }
    }
    Ok(())
}
