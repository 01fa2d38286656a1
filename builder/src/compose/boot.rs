//! The EFI system partition: what the boot loader reads.

use super::ComposeError;
use crate::plan::NodePlan;
use crate::tree::{Content, Kind, Layer, Meta, Origin, Overwrite, Sharing, Tree};

/// The tree of a node's EFI system partition. The loader itself is added by the disk's sink.
///
/// GRUB reads its configuration from the partition that it was loaded from; the root filesystem is found on the same
/// disk, and the kernel finds it by a GUID that no other disk has: two disks in one machine never mix up.
///
/// # Errors
///
/// None that a plan of [`crate::plan`] could cause.
pub fn esp(node: &NodePlan, kernel: &str, initrd: &str) -> Result<Tree, ComposeError> {
    let arguments: String = node
        .values
        .cluster
        .kernel_arguments
        .iter()
        .chain(
            node.selinux
                .iter()
                .flat_map(|selinux| &selinux.kernel_arguments),
        )
        .map(|argument| format!(" {argument}"))
        .collect();
    let root = node.disk.root;
    let text = format!(
        "set timeout=0\n\
         regexp --set=1:disk '^(.*),gpt[0-9]+$' \"$root\"\n\
         set root=\"$disk,gpt3\"\n\
         linux {kernel} root=PARTUUID={root} ro panic=10{arguments}\n\
         initrd {initrd}\n\
         boot\n"
    );
    let mut layer = Layer::new(Origin::new("stage boot"));
    let path = "/EFI/kimage/grub.cfg"
        .parse()
        .expect("a constant that is a path");
    let kind = Kind::File(Content::bytes(text));
    layer.add(
        path,
        kind,
        Meta::root(0o644),
        Sharing::Node,
        Overwrite::Refuse,
    );
    Ok(Tree::seal([layer])?)
}
