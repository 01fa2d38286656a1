//! The machines' disks: qcow2 overlays, so that the images stay as they were built.

use std::fs::{self, Permissions};
use std::io;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::Path;

use serde::Deserialize;

use super::directory::{NodeFiles, file_error, write_private};
use super::firmware::Ovmf;
use super::{BootError, BootNode, Disks, Firmware};
use crate::program::{Program, ProgramError};

/// Sees to it that a node's overlay is there, and its NVRAM where the firmware wants one: fresh, or as the last run left
/// them.
pub(super) fn prepare(
    node: &BootNode,
    files: &NodeFiles,
    disks: Disks,
    size: Option<u64>,
    firmware: Firmware,
) -> Result<(), BootError> {
    let unusable = |source| BootError::Image {
        node: node.name.clone(),
        path: node.image.clone(),
        source,
    };
    let image = node.image.canonicalize().map_err(unusable)?;
    let lies_over = build_of(&image).map_err(unusable)?;
    if disks == Disks::Kept && files.disk().exists() {
        let before = fs::read_to_string(files.lies_over()).unwrap_or_default();
        if before != lies_over {
            return Err(BootError::OtherImage {
                node: node.name.clone(),
                directory: files.path().to_owned(),
            });
        }
    } else {
        files.remove_disk();
        let info = info(&image)?;
        if let Some(disk) = size
            && disk < info.virtual_size
        {
            return Err(BootError::DiskTooSmall {
                node: node.name.clone(),
                disk,
                image: info.virtual_size,
            });
        }
        create(&files.disk(), &image, &info.format, size)?;
        // What a node writes to its disk is as secret as its image.
        fs::set_permissions(files.disk(), Permissions::from_mode(0o600))
            .map_err(file_error(&files.disk()))?;
        let record = files.lies_over();
        write_private(&record, lies_over.as_bytes()).map_err(file_error(&record))?;
    }
    if firmware == Firmware::Uefi && !files.nvram().exists() {
        let blank = Ovmf::find()?.variables;
        let bytes = fs::read(blank).map_err(file_error(Path::new(blank)))?;
        write_private(&files.nvram(), &bytes).map_err(file_error(&files.nvram()))?;
    }
    Ok(())
}

/// What tells one build of an image from another without reading it.
fn build_of(image: &Path) -> io::Result<String> {
    let meta = image.metadata()?;
    Ok(format!(
        "{}\n{} bytes, inode {}, written {}.{:09}\n",
        image.display(),
        meta.len(),
        meta.ino(),
        meta.mtime(),
        meta.mtime_nsec(),
    ))
}

#[derive(Deserialize)]
struct Info {
    #[serde(rename = "virtual-size")]
    virtual_size: u64,
    format: String,
}

fn info(image: &Path) -> Result<Info, ProgramError> {
    let output = Program::new("qemu-img")
        .args(["info", "--output=json"])
        .arg(image)
        .run()?;
    serde_json::from_slice(&output.stdout).map_err(|error| ProgramError::Run {
        name: "qemu-img".to_owned(),
        source: error.into(),
    })
}

fn create(
    overlay: &Path,
    image: &Path,
    format: &str,
    size: Option<u64>,
) -> Result<(), ProgramError> {
    Program::new("qemu-img")
        .args(["create", "-q", "-f", "qcow2", "-F", format, "-b"])
        .args([image, overlay])
        .args(size.map(|size| size.to_string()))
        .run()
        .map(drop)
}

#[cfg(test)]
mod tests {
    use std::fs::File;

    use super::super::directory::Directory;
    use super::*;
    use crate::spec::Role;

    fn prepared(place: &Path, disks: Disks, size: Option<u64>) -> Result<NodeFiles, BootError> {
        let node = BootNode {
            name: "node-1".parse().unwrap(),
            role: Role::Worker,
            image: place.join("node-1.raw"),
            mac: "52:54:00:00:00:01".to_owned(),
            address: "10.0.0.1/24".parse().unwrap(),
            gateway: None,
            memory: 64,
        };
        let files = Directory::open(&place.join("boot"))?.node(&node.name)?;
        prepare(&node, &files, disks, size, Firmware::Bios)?;
        Ok(files)
    }

    fn image(place: &Path, size: u64) {
        let path = place.join("node-1.raw");
        let _ = fs::remove_file(&path);
        File::create(path).unwrap().set_len(size).unwrap();
    }

    #[test]
    fn a_disk_is_as_large_as_asked_for_and_lies_over_the_image() {
        let place = tempfile::tempdir().unwrap();
        image(place.path(), 1 << 20);
        let files = prepared(place.path(), Disks::ThrownAway, Some(4 << 20)).unwrap();
        let info = info(&files.disk()).unwrap();
        assert_eq!(fs::metadata(files.disk()).unwrap().mode() & 0o777, 0o600);
        assert_eq!(
            (info.virtual_size, info.format.as_str()),
            (4 << 20, "qcow2")
        );
    }

    #[test]
    fn a_disk_that_does_not_hold_the_image_is_refused() {
        let place = tempfile::tempdir().unwrap();
        image(place.path(), 2 << 20);
        let refused = prepared(place.path(), Disks::ThrownAway, Some(1 << 20));
        assert!(matches!(refused, Err(BootError::DiskTooSmall { .. })));
    }

    #[test]
    fn a_kept_disk_is_used_again_until_its_image_is_built_anew() {
        let place = tempfile::tempdir().unwrap();
        image(place.path(), 1 << 20);
        let files = prepared(place.path(), Disks::Kept, None).unwrap();
        let first = fs::metadata(files.disk()).unwrap().ino();
        prepared(place.path(), Disks::Kept, None).unwrap();
        assert_eq!(fs::metadata(files.disk()).unwrap().ino(), first);
        image(place.path(), 1 << 21);
        let refused = prepared(place.path(), Disks::Kept, None);
        assert!(matches!(refused, Err(BootError::OtherImage { .. })));
    }

    #[test]
    fn an_image_that_is_not_there_is_named() {
        let place = tempfile::tempdir().unwrap();
        let missing = prepared(place.path(), Disks::ThrownAway, None).unwrap_err();
        assert!(missing.to_string().contains("node-1.raw"), "{missing}");
    }
}
