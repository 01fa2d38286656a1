//! The command line: what can be said, with help and examples. Arguments are domain types at once.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};

use crate::boot::Firmware;
use crate::spec::{NodeName, Role};

/// Pre-baked Kubernetes node images from one YAML file.
///
/// Write names and addresses, build, switch the machines on: they are a cluster. No installer, no SSH, no approval, no
/// internet; no root, VM or container engine to build.
#[derive(Debug, Parser)]
#[command(name = "kimage", version, propagate_version = true, after_help = EXAMPLES)]
pub struct Cli {
    /// The cluster file.
    #[arg(
        short,
        long,
        global = true,
        default_value = "cluster.yaml",
        value_name = "FILE",
        env = "KIMAGE_FILE"
    )]
    pub file: PathBuf,

    /// Where prepared bases and downloads are kept [default: $XDG_CACHE_HOME/kimage].
    #[arg(long, global = true, value_name = "DIR", env = "KIMAGE_CACHE")]
    pub cache: Option<PathBuf>,

    /// The cluster's private keys [default: `secrets` beside the cluster file].
    #[arg(long, global = true, value_name = "DIR")]
    pub secrets: Option<PathBuf>,

    /// Overlays instead of the built-in ones.
    #[arg(long, global = true, value_name = "DIR")]
    pub overlays: Option<PathBuf>,

    /// Blueprints instead of the built-in ones.
    #[arg(long, global = true, value_name = "DIR", env = "KIMAGE_IMAGES")]
    pub images: Option<PathBuf>,

    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

const EXAMPLES: &str = "\
Examples:
  kimage init                                        write a cluster.yaml to begin with
  kimage base build debian-12                        prepare the operating system, once
  kimage build --role master --node k8s-master-1     one node's disk image
  kimage build --all                                 the whole cluster
  kimage boot --all                                  try it in QEMU until every node is Ready

Exit codes: 0 done, 2 your files or arguments, 3 network, 4 integrity, 5 this machine, 6 a check failed, 1 anything else.";

/// What `kimage` does.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Write a cluster.yaml that builds unmodified.
    Init(Init),
    /// Show every problem of the cluster file at once.
    Check(Json),
    /// Show what would be built, fetched and issued; touches neither network nor disk.
    Plan(Json),
    /// Download and verify what the cluster needs, and pin it in kimage.lock.
    Fetch(Fetch),
    /// Prepare operating systems.
    #[command(subcommand)]
    Base(Base),
    /// Build images.
    Build(Build),
    /// Write a node's files without an operating system under them.
    Render(Render),
    /// Look inside a finished image, without root or mounting.
    Inspect(Inspect),
    /// Show or renew certificates.
    #[command(subcommand)]
    Certs(Certs),
    /// Boot what was built in QEMU until every node is Ready.
    Boot(Boot),
    /// Print the JSON Schema of the cluster file, for editors.
    Schema,
    /// Print completions for a shell.
    Completions {
        /// The shell.
        shell: clap_complete::Shell,
    },
    /// Print the manual page, in roff.
    Man,
}

/// Arguments of `kimage init`.
#[derive(Debug, Args)]
pub struct Init {
    /// Name of the cluster.
    #[arg(long, default_value = "lab")]
    pub name: String,
    /// Overwrite a file that is there.
    #[arg(long)]
    pub force: bool,
}

/// Whether a program reads the output.
#[derive(Debug, Args)]
pub struct Json {
    /// Print JSON.
    #[arg(long)]
    pub json: bool,
}

/// How inputs are brought.
#[derive(Debug, Clone, Args)]
pub struct Sources {
    /// Take upstream's releases from here instead (http, https or file), in the layout of `wget -x`.
    #[arg(long, value_name = "URL", env = "KIMAGE_MIRROR")]
    pub mirror: Option<String>,
    /// Make no connection at all.
    #[arg(long)]
    pub offline: bool,
    /// Refuse anything that kimage.lock does not pin.
    #[arg(long)]
    pub locked: bool,
}

/// Arguments of `kimage fetch`.
#[derive(Debug, Args)]
pub struct Fetch {
    /// How inputs are brought.
    #[command(flatten)]
    pub sources: Sources,
}

/// What `kimage base` does.
#[derive(Debug, Subcommand)]
pub enum Base {
    /// Build one with the distribution's own packages, those among them that the cluster file asks for.
    Build {
        /// The blueprint, as debian-12.
        image: String,
        /// Take packages from here instead of where the distribution's tool does by default.
        #[arg(long, value_name = "URL")]
        mirror: Option<String>,
    },
    /// Take one from a tar, a directory or an OCI archive.
    Import {
        /// The blueprint, as ubuntu-24.04.
        image: String,
        /// The archive or directory; a list of its packages may lie beside it, as `root.tar.packages`.
        path: PathBuf,
    },
    /// Show what is prepared.
    List(Json),
}

/// A format of an image.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// The disk's bytes, sparse.
    Raw,
    /// QEMU's format, version 3.
    Qcow2,
}

/// Which nodes; without `--node`, all that the rest says.
#[derive(Debug, Clone, Args)]
#[group(required = true, multiple = true)]
pub struct Selection {
    /// All nodes of a role; with `--node`, the role that the node must have.
    #[arg(long)]
    pub role: Option<Role>,
    /// One node, or several.
    #[arg(long = "node", value_name = "NAME")]
    pub nodes: Vec<NodeName>,
    /// All nodes of the cluster.
    #[arg(long, conflicts_with_all = ["role", "nodes"])]
    pub all: bool,
}

/// Arguments of `kimage build`.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  kimage build --role master --node k8s-master-1
  kimage build --role worker --format qcow2
  kimage build --all --offline --locked")]
pub struct Build {
    /// Which nodes.
    #[command(flatten)]
    pub selection: Selection,
    /// What to write.
    #[arg(long, value_enum, default_value = "raw")]
    pub format: Format,
    /// Where to write it.
    #[arg(short, long, default_value = "out", value_name = "DIR")]
    pub out: PathBuf,
    /// How inputs are brought.
    #[command(flatten)]
    pub sources: Sources,
    /// Build although nothing changed.
    #[arg(long)]
    pub force: bool,
    /// How many images to write at once.
    #[arg(short, long, default_value_t = 1, value_name = "N")]
    pub jobs: usize,
    /// Print JSON.
    #[arg(long)]
    pub json: bool,
}

/// Arguments of `kimage render`.
#[derive(Debug, Args)]
pub struct Render {
    /// The node.
    #[arg(long, value_name = "NAME")]
    pub node: NodeName,
    /// A directory, or a tar if it ends in `.tar`.
    #[arg(short, long, value_name = "PATH")]
    pub out: PathBuf,
    /// How inputs are brought.
    #[command(flatten)]
    pub sources: Sources,
}

/// Arguments of `kimage inspect`.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  kimage inspect out/k8s-master-1.raw                        partitions and what the image holds
  kimage inspect out/k8s-master-1.raw /etc/kubernetes        a directory
  kimage inspect out/k8s-master-1.raw /etc/hosts             a file's content")]
pub struct Inspect {
    /// The image.
    pub image: PathBuf,
    /// A path inside it, as /etc or esp:/EFI; without one, its partitions. Secrets in it are not shown.
    pub path: Option<String>,
    /// Print JSON.
    #[arg(long)]
    pub json: bool,
}

/// What `kimage certs` does.
#[derive(Debug, Subcommand)]
pub enum Certs {
    /// What is issued, and until when it is good.
    List(Json),
    /// Which key lies in which node's image.
    Where(Json),
    /// Write the administrator's kubeconfig, readable by you only.
    Kubeconfig {
        /// Where to.
        #[arg(short, long, default_value = "admin.conf", value_name = "FILE")]
        out: PathBuf,
    },
    /// Issue certificates again, with new keys, and make tokens again; authorities stay. Then build and roll out the
    /// images again.
    Renew {
        /// Which nodes' certificates and tokens.
        #[command(flatten)]
        selection: Selection,
        /// Only the tokens that nodes join by.
        #[arg(long)]
        tokens: bool,
    },
}

/// Arguments of `kimage boot`.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  kimage boot --all                                          until Ctrl-C
  kimage boot --all -- kubectl get nodes -o wide             once all are Ready, then off
  kimage boot --all --keep --firmware uefi --disk 40         bigger disks, kept for the next boot")]
pub struct Boot {
    /// Which nodes.
    #[command(flatten)]
    pub selection: Selection,
    /// Where the images are.
    #[arg(long, default_value = "out", value_name = "DIR")]
    pub out: PathBuf,
    /// What the machines start with.
    #[arg(long, value_enum, default_value = "bios")]
    pub firmware: Firmware,
    /// Size of each machine's disk, in GiB; at least the image's.
    #[arg(long, default_value_t = 20, value_name = "GIB")]
    pub disk: u64,
    /// Memory of each machine, in MiB.
    #[arg(long, default_value_t = 1500, value_name = "MIB")]
    pub memory: u32,
    /// Give up after so many seconds.
    #[arg(long, default_value_t = 900, value_name = "SECONDS")]
    pub timeout: u64,
    /// Where disks, console logs and the kubeconfig lie meanwhile [default: `boot` in the images' directory].
    #[arg(long, value_name = "DIR")]
    pub dir: Option<PathBuf>,
    /// Keep the machines' disks, and go on with those of the last time.
    #[arg(long)]
    pub keep: bool,
    /// Switch off when all nodes are Ready, instead of going on until Ctrl-C.
    #[arg(long)]
    pub once: bool,
    /// Print what came up as JSON.
    #[arg(long)]
    pub json: bool,
    /// What to run once all nodes are Ready, with KUBECONFIG and KIMAGE_BOOT_DIR set; then the machines are switched off.
    #[arg(last = true, value_name = "COMMAND")]
    pub command: Vec<std::ffi::OsString>,
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory as _;

    #[test]
    fn the_command_line_is_consistent() {
        Cli::command().debug_assert();
    }
}
