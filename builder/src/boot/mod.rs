//! Boots built images in QEMU and watches until the nodes are Ready.
//!
//! Each node is a [`Machine`]: a QEMU process on a throw-away overlay of its image, plugged into a [`Segment`], which is
//! an Ethernet switch inside this process. Nothing a guest sends leaves the machine. A guest needs no change to be
//! watched: its first frame shows that it is on the network, and its API answers through a forward that the masters'
//! QEMU adds beside the wire. To try power cuts, keep the directory ([`Disks::Kept`]) and boot from it again, in any
//! order; the nodes then count as Ready only when the API has seen *this* boot of theirs.
//!
//! It builds nothing, and knows of Kubernetes only what `GET /api/v1/nodes` says. To show more on the way to Ready, add
//! a [`Milestone`] and report it in `watch`.

mod accelerator;
mod api;
mod arguments;
mod directory;
mod disk;
mod error;
mod firmware;
mod kubeconfig;
mod machine;
mod pace;
mod progress;
mod qmp;
mod segment;
mod watch;

use std::ffi::OsString;
use std::net::Ipv4Addr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use ipnet::Ipv4Net;
use serde::Serialize;

use crate::secret::Secret;
use crate::spec::{Interface, Node, NodeName, Role};

pub use accelerator::Accelerator;
pub use error::BootError;
pub use firmware::Firmware;
pub use machine::Machine;
pub use progress::{Event, Milestone, Progress};
pub use segment::Segment;
pub use watch::boot;

/// What to boot, on what, and what to do once it is up.
#[derive(Debug, Clone)]
pub struct BootRequest {
    /// The machines, in the order in which they are switched on.
    pub nodes: Vec<BootNode>,
    /// How the API is asked; masters that are not among `nodes` are not.
    pub api: ApiAccess,
    /// What the machines have in place of a BIOS.
    pub firmware: Firmware,
    /// Size of every disk in bytes; `None` leaves it at the image's.
    pub disk_size: Option<u64>,
    /// What runs the guests' instructions; `None` takes the best that works.
    pub accelerator: Option<Accelerator>,
    /// Where overlays, logs and the kubeconfig lie. Made if it is not there; one run at a time.
    pub directory: PathBuf,
    /// What becomes of the disks.
    pub disks: Disks,
    /// How long all nodes together may take to become Ready.
    pub timeout: Duration,
    /// What follows once all nodes are Ready.
    pub then: Then,
    /// A folder of programs that come first in the `PATH` of the program that is run.
    pub programs: Option<PathBuf>,
    /// Set from outside, as by Ctrl-C: everything ends.
    pub stop: Arc<AtomicBool>,
}

/// One machine to boot.
#[derive(Debug, Clone)]
pub struct BootNode {
    /// The node's name.
    pub name: NodeName,
    /// A master has the API.
    pub role: Role,
    /// A raw or qcow2 image, which is only read.
    pub image: PathBuf,
    /// Of its network card, with colons.
    pub mac: String,
    /// Its address and the network that it is in.
    pub address: Ipv4Net,
    /// Its way out, where the image has one: nothing may answer there.
    pub gateway: Option<Ipv4Addr>,
    /// Memory in MiB.
    pub memory: u32,
}

/// Who may ask the API, and whom it is believed to be.
#[derive(Debug, Clone)]
pub struct ApiAccess {
    /// Port of the API on each master.
    pub port: u16,
    /// A name in the API's certificate.
    pub server_name: String,
    /// The authority of the Kubernetes trust domain, in PEM.
    pub authority: String,
    /// The administrator's certificate, in PEM.
    pub certificate: String,
    /// The administrator's private key, in PEM.
    pub key: Secret,
}

/// What becomes of the machines' disks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Disks {
    /// Fresh overlays, removed at the end.
    ThrownAway,
    /// Overlays that lie in the directory already are used again, and all stay. The end of the run is a power cut.
    Kept,
}

/// What follows once all nodes are Ready.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Then {
    /// Power off.
    PowerOff,
    /// Stay until stopped from outside.
    Stay,
    /// Run a program with `KUBECONFIG` and `KIMAGE_BOOT_DIR` in its environment, then power off.
    Run(Vec<OsString>),
}

/// A boot that went well.
#[derive(Debug, Clone, Serialize)]
pub struct Booted {
    /// What ran the guests.
    pub accelerator: Accelerator,
    /// The machines, in the order in which they were switched on.
    pub nodes: Vec<BootedNode>,
}

/// A machine that came up.
#[derive(Debug, Clone, Serialize)]
pub struct BootedNode {
    /// The node's name.
    pub name: NodeName,
    /// Its role.
    pub role: Role,
    /// Its address.
    pub address: Ipv4Addr,
    /// How far it came.
    pub state: Milestone,
    /// Seconds from power-on to that.
    pub seconds: f64,
}

impl BootNode {
    /// The machine that a node of a cluster needs: where the node knows its card by name only, the card's address is
    /// made from the node's.
    pub fn new(node: &Node, image: &Path, memory: u32) -> Self {
        let [a, b, c, d] = node.address.addr().octets();
        Self {
            name: node.name.clone(),
            role: node.role,
            image: image.to_owned(),
            mac: match &node.interface {
                Interface::Mac(mac) => mac.clone(),
                Interface::Names(_) => format!("52:54:{a:02x}:{b:02x}:{c:02x}:{d:02x}"),
            },
            address: node.address,
            gateway: node.gateway,
            memory,
        }
    }
}
