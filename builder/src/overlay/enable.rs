//! Enables units: what `systemctl enable` would do for `WantedBy=` and `RequiredBy=`.

use crate::tree::{Content, Kind, Layer, TreePath};

const UNITS: &str = "/etc/systemd/system/";

/// Adds the links that enable a layer's units.
///
/// See `systemd.unit(5)`, "\[Install\] section options".
pub fn enable(layer: &mut Layer) {
    let mut links: Vec<(TreePath, String)> = Vec::new();
    for (path, layered) in layer.entries() {
        let Some(unit) = path
            .as_str()
            .strip_prefix(UNITS)
            .filter(|name| !name.contains('/'))
        else {
            continue;
        };
        let Kind::File(Content::Bytes(bytes)) = &layered.entry.kind else {
            continue;
        };
        for line in String::from_utf8_lossy(bytes).lines() {
            let (kind, targets) = match line.split_once('=') {
                Some(("WantedBy", targets)) => ("wants", targets),
                Some(("RequiredBy", targets)) => ("requires", targets),
                _ => continue,
            };
            for target in targets.split_whitespace() {
                if let Ok(link) = format!("{UNITS}{target}.{kind}/{unit}").parse() {
                    links.push((link, path.to_string()));
                }
            }
        }
    }
    for (link, unit) in links {
        layer.symlink(link, unit);
    }
}
