//! QEMU's command line: a pure function from a machine to its arguments.

use std::ffi::OsString;
use std::net::Ipv4Addr;
use std::path::Path;

use ipnet::Ipv4Net;

use super::directory::NodeFiles;
use super::{Accelerator, BootNode};

/// The way from this machine to a guest's API: QEMU's own address on the guest's network, from which it forwards.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Forward {
    /// Port on this machine's loopback.
    pub(super) from: u16,
    /// The guest's.
    pub(super) to: u16,
    /// Unused addresses of the guest's network: QEMU speaks from the first, and must have the others.
    pub(super) own: [Ipv4Addr; 3],
}

/// Everything that the command line depends on.
pub(super) struct Setup<'a> {
    pub(super) node: &'a BootNode,
    pub(super) files: &'a NodeFiles,
    pub(super) accelerator: Accelerator,
    pub(super) processors: usize,
    /// The UEFI code, if it is not the BIOS.
    pub(super) uefi: Option<&'a str>,
    /// With the number of its own inherited socket.
    pub(super) forward: Option<(&'a Forward, i32)>,
    /// Numbers of the inherited sockets.
    pub(super) wire: i32,
    pub(super) monitor: i32,
}

pub(super) fn arguments(setup: &Setup) -> Vec<OsString> {
    let mut args = vec![];
    let mut add = |option: &str, value: String| {
        args.push(OsString::from(option));
        args.push(OsString::from(value));
    };
    let node = setup.node;
    add("-name", format!("kimage-{}", node.name));
    add("-machine", "q35".to_owned());
    add("-accel", setup.accelerator.argument().to_owned());
    add("-cpu", setup.accelerator.processor().to_owned());
    add("-smp", setup.processors.to_string());
    add("-m", format!("{}M", node.memory));
    add("-rtc", "base=utc".to_owned());
    add("-display", "none".to_owned());
    add("-vga", "std".to_owned());
    if let Some(code) = setup.uefi {
        add(
            "-drive",
            format!("if=pflash,unit=0,format=raw,readonly=on,file={code}"),
        );
        let nvram = value(&setup.files.nvram());
        add(
            "-drive",
            format!("if=pflash,unit=1,format=raw,file={nvram}"),
        );
    }
    // The host's page cache outlives QEMU, so a power cut loses what a guest had not flushed, and no more.
    let disk = value(&setup.files.disk());
    add(
        "-drive",
        format!("id=disk,if=none,format=qcow2,cache=unsafe,discard=unmap,file={disk}"),
    );
    add(
        "-device",
        "virtio-blk-pci,drive=disk,bootindex=0".to_owned(),
    );
    add(
        "-object",
        "rng-random,id=random,filename=/dev/urandom".to_owned(),
    );
    add("-device", "virtio-rng-pci,rng=random".to_owned());
    let console = value(&setup.files.console());
    add(
        "-chardev",
        format!("file,id=console,append=on,path={console}"),
    );
    add("-serial", "chardev:console".to_owned());
    add(
        "-chardev",
        format!("socket,id=monitor,fd={}", setup.monitor),
    );
    add("-mon", "chardev=monitor,mode=control".to_owned());
    let stream =
        |id: &str, socket: i32| format!("stream,id={id},server=off,addr.type=fd,addr.str={socket}");
    add("-netdev", stream("wire", setup.wire));
    // Without a boot ROM: a machine that does not find its disk must not look for one on the network.
    let card = format!("virtio-net-pci,netdev=wire,mac={},romfile=", node.mac);
    add("-device", card);
    if let Some((forward, wire)) = setup.forward {
        // On a wire of its own to the segment, which keeps from it what others say to each other.
        add("-netdev", user(node.address, forward));
        add(
            "-netdev",
            "hubport,id=port1,hubid=0,netdev=forward".to_owned(),
        );
        add("-netdev", stream("forward-wire", wire));
        add(
            "-netdev",
            "hubport,id=port2,hubid=0,netdev=forward-wire".to_owned(),
        );
    }
    args.extend(["-nodefaults", "-no-user-config"].map(OsString::from));
    args
}

/// QEMU's user network, which here does nothing but forward to the guest: `restrict` lets nothing out.
fn user(guest: Ipv4Net, forward: &Forward) -> String {
    let [host, dns, dhcp] = forward.own;
    format!(
        "user,id=forward,restrict=on,ipv4=on,ipv6=off,net={},host={host},dns={dns},dhcpstart={dhcp},hostfwd=tcp:127.0.0.1:{}-{}:{}",
        guest.trunc(),
        forward.from,
        guest.addr(),
        forward.to,
    )
}

/// A path as QEMU's options take it: commas doubled.
fn value(path: &Path) -> String {
    path.display().to_string().replace(',', ",,")
}

/// The last addresses of a network that nobody uses.
pub(super) fn unused(network: Ipv4Net, used: &[Ipv4Addr]) -> Option<[Ipv4Addr; 3]> {
    let last = u32::from(network.broadcast());
    let first = u32::from(network.network());
    let mut free = (first + 1..last)
        .rev()
        .map(Ipv4Addr::from)
        .filter(|address| !used.contains(address));
    Some([free.next()?, free.next()?, free.next()?])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_to_watch_from_are_those_that_nobody_has() {
        let network = "10.0.0.8/29".parse().unwrap();
        let used = [[10, 0, 0, 13].into(), [10, 0, 0, 9].into()];
        let free = unused(network, &used)
            .unwrap()
            .map(|address| address.to_string());
        assert_eq!(free, ["10.0.0.14", "10.0.0.12", "10.0.0.11"]);
        assert_eq!(unused("10.0.0.0/30".parse().unwrap(), &[]), None);
    }

    #[test]
    fn a_guest_has_no_way_out() {
        let forward = Forward {
            from: 40000,
            to: 6443,
            own: [[10, 0, 0, 254], [10, 0, 0, 253], [10, 0, 0, 252]].map(Ipv4Addr::from),
        };
        let network = user("10.0.0.1/24".parse().unwrap(), &forward);
        insta::assert_snapshot!(network, @"user,id=forward,restrict=on,ipv4=on,ipv6=off,net=10.0.0.0/24,host=10.0.0.254,dns=10.0.0.253,dhcpstart=10.0.0.252,hostfwd=tcp:127.0.0.1:40000-10.0.0.1:6443");
    }

    #[test]
    fn a_comma_in_a_path_stays_in_the_path() {
        assert_eq!(value(Path::new("/a,b/disk")), "/a,,b/disk");
    }
}
