//! One run: power on at a [`Pace`] that the processors can keep, watch until all nodes are Ready, then what was asked
//! for, then power off.
//!
//! Everything that happens comes to one loop: machines that are seen on the network, what the APIs say (one thread
//! per master asks), machines that go off, the wish to stop. [`Node::observe`] decides, without time or threads.

use std::fs;
use std::net::Ipv4Addr;
use std::process::Child;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::thread;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};

use super::api::{Api, NodeStatus};
use super::directory::{Directory, file_error, write_private};
use super::disk;
use super::kubeconfig::kubeconfig;
use super::machine::{Machine, wait_until};
use super::pace::Pace;
use super::progress::{Event, Milestone, Progress};
use super::segment::Segment;
use super::{Accelerator, BootError, BootRequest, Booted, BootedNode, Disks, Then};
use crate::spec::{NodeName, Role};

/// How often the loop looks at processes and wishes.
const TICK: Duration = Duration::from_millis(200);
/// How long the API is left alone between questions.
const PAUSE: Duration = Duration::from_secs(1);
/// How long the program that was run may take to end when the run is stopped.
const GRACE: Duration = Duration::from_secs(5);

/// What the loop is told.
enum Sign {
    /// The machine at this place uses its address.
    Network(usize),
    /// What the API of the master at this place says.
    Nodes(usize, Vec<NodeStatus>),
}

/// A node as far as it is known.
struct Node {
    name: NodeName,
    goal: Milestone,
    state: Milestone,
    after: Duration,
    /// Boots that the API saw before the last power-on.
    old_boots: Vec<String>,
    /// The boot that it is in.
    boot: Option<String>,
    /// What its kubelet says.
    message: String,
}

/// A run in progress.
struct Run<'a> {
    request: &'a BootRequest,
    directory: &'a Directory,
    machines: Vec<Machine>,
    nodes: Vec<Node>,
    /// How many of the machines are switched on: the first ones.
    on: usize,
    signs: Receiver<Sign>,
    progress: &'a Progress,
}

/// Boots machines, watches until all are as far as they can come, and does what then is asked for.
///
/// A node is to become Ready where a master is booted too; without one, to be on the network is all that can be seen.
///
/// # Errors
///
/// When machines do not start, do not become Ready in time or end by themselves, when the program that follows fails,
/// and when the stop flag is set before all are Ready. All machines are off again then, and at the end.
pub fn boot(request: &BootRequest, progress: &Progress) -> Result<Booted, BootError> {
    let directory = Directory::open(&request.directory)?;
    let accelerator = request.accelerator.unwrap_or_else(Accelerator::best);
    let outcome = run(request, &directory, accelerator, progress);
    progress.finish();
    if request.disks == Disks::ThrownAway {
        for node in &request.nodes {
            if let Ok(files) = directory.node(&node.name) {
                files.remove_disk();
            }
        }
    }
    // What it leads to is gone.
    let _ = fs::remove_file(directory.kubeconfig());
    outcome
}

fn run(
    request: &BootRequest,
    directory: &Directory,
    accelerator: Accelerator,
    progress: &Progress,
) -> Result<Booted, BootError> {
    let (tell, signs) = channel();
    let mut run = Run {
        request,
        directory,
        machines: vec![],
        nodes: vec![],
        on: 0,
        signs,
        progress,
    };
    let asking = run.prepare(accelerator, &tell)?;
    let segment = Segment::new();
    run.until_ready(&segment, &tell, &mut Pace::new(accelerator, here()))?;
    let booted = Booted {
        accelerator,
        nodes: run.booted(),
    };
    run.then()?;
    drop(asking);
    Ok(booted)
}

impl Run<'_> {
    /// Prepares disks, machines and the way to the APIs. The APIs are asked for as long as the result lives.
    fn prepare(
        &mut self,
        accelerator: Accelerator,
        tell: &Sender<Sign>,
    ) -> Result<Asking, BootError> {
        let request = self.request;
        let masters = request
            .nodes
            .iter()
            .filter(|node| node.role == Role::Master);
        let goal = match masters.count() {
            0 => Milestone::Network,
            _ => Milestone::Ready,
        };
        let sharing = |role| {
            let nodes = request.nodes.iter().filter(|node| node.role == role);
            match role {
                Role::Master => nodes.count(),
                Role::Worker => request.nodes.len(),
            }
        };
        let mut used: Vec<Ipv4Addr> = vec![];
        for node in &request.nodes {
            used.push(node.address.addr());
            used.extend(node.gateway);
        }
        let mut masters = vec![];
        let asking = Asking::default();
        for (place, node) in request.nodes.iter().enumerate() {
            let files = self.directory.node(&node.name)?;
            disk::prepare(
                node,
                &files,
                request.disks,
                request.disk_size,
                request.firmware,
            )?;
            if request.disks == Disks::ThrownAway {
                let _ = fs::remove_file(files.console());
            }
            for stale in [files.words(), files.screen()] {
                let _ = fs::remove_file(stale);
            }
            let old_boots = fs::read_to_string(files.boots()).unwrap_or_default();
            let processors = processors(sharing(node.role));
            let mut machine = Machine::new(node, files, accelerator, processors, request.firmware)?;
            if node.role == Role::Master {
                let port = machine.forward(request.api.port, &mut used)?;
                asking.ask(place, Api::new(&request.api, port)?, tell.clone());
                masters.push((node.name.clone(), port));
            }
            self.machines.push(machine);
            self.nodes.push(Node {
                name: node.name.clone(),
                goal,
                state: Milestone::Waiting,
                after: Duration::ZERO,
                old_boots: old_boots.lines().map(str::to_owned).collect(),
                boot: None,
                message: String::new(),
            });
        }
        let path = self.directory.kubeconfig();
        let text = kubeconfig(&request.api, &masters);
        write_private(&path, text.expose()).map_err(file_error(&path))?;
        Ok(asking)
    }

    /// Switches on those that are next, as many as the pace allows.
    fn power_on_next(
        &mut self,
        segment: &Segment,
        tell: &Sender<Sign>,
        pace: &mut Pace,
        now: Duration,
    ) -> Result<(), BootError> {
        while self.on < self.machines.len() {
            let used = self.machines.iter().filter_map(Machine::processor_time);
            let rising = self.nodes[..self.on].iter();
            let rising = rising.filter(|node| node.state < node.goal).count();
            if !pace.another(rising, used.sum(), now) {
                break;
            }
            self.power_on(self.on, segment, tell)?;
            self.on += 1;
        }
        Ok(())
    }

    fn power_on(
        &mut self,
        place: usize,
        segment: &Segment,
        tell: &Sender<Sign>,
    ) -> Result<(), BootError> {
        let tell = tell.clone();
        // Nobody listens any more when the run has ended.
        let seen = move || drop(tell.send(Sign::Network(place)));
        self.machines[place].power_on(segment, seen)?;
        self.nodes[place].state = Milestone::PowerOn;
        self.progress.show(&Event::Reached {
            node: self.nodes[place].name.clone(),
            milestone: Milestone::PowerOn,
            after: Duration::ZERO,
        });
        Ok(())
    }

    /// Switches the machines on and waits until all are as far as they can come.
    fn until_ready(
        &mut self,
        segment: &Segment,
        tell: &Sender<Sign>,
        pace: &mut Pace,
    ) -> Result<(), BootError> {
        let since = Instant::now();
        self.power_on_next(segment, tell, pace, Duration::ZERO)?;
        for node in &self.nodes[self.on..] {
            self.progress.show(&Event::Reached {
                node: node.name.clone(),
                milestone: Milestone::Waiting,
                after: Duration::ZERO,
            });
        }
        while self.nodes.iter().any(|node| node.state < node.goal) {
            if self.request.stop.load(Ordering::Relaxed) {
                return Err(BootError::Stopped);
            }
            if since.elapsed() > self.request.timeout {
                return Err(self.not_ready());
            }
            self.power_on_next(segment, tell, pace, since.elapsed())?;
            self.listen()?;
            for machine in &mut self.machines {
                if machine.went_off() {
                    return Err(BootError::Ended {
                        node: machine.node().name.clone(),
                        words: machine.last_words(),
                    });
                }
            }
        }
        Ok(())
    }

    /// Takes what has come, or waits a little for something.
    fn listen(&mut self) -> Result<(), BootError> {
        match self.signs.recv_timeout(TICK) {
            Ok(Sign::Network(place)) => self.reach(place, Milestone::Network),
            Ok(Sign::Nodes(master, statuses)) => {
                if self.nodes[master].state < Milestone::Api {
                    self.reach(master, Milestone::Api);
                }
                for status in statuses {
                    self.learn(&status)?;
                }
            }
            Err(RecvTimeoutError::Timeout) => {}
            // The threads that ask end with the run only; without masters there are none.
            Err(RecvTimeoutError::Disconnected) => thread::sleep(TICK),
        }
        Ok(())
    }

    fn learn(&mut self, status: &NodeStatus) -> Result<(), BootError> {
        let Some(place) = self
            .nodes
            .iter()
            .position(|node| node.name.as_str() == status.name)
        else {
            return Ok(());
        };
        let node = &mut self.nodes[place];
        let observed = node.observe(status);
        if observed.first_seen {
            let boots = self.machines[place].files().boots();
            let mut lines = node.old_boots.join("\n");
            lines.push_str(&format!("\n{}\n", status.boot));
            write_private(&boots, lines.trim_start().as_bytes()).map_err(file_error(&boots))?;
        }
        if let Some(milestone) = observed.reached {
            self.reach(place, milestone);
        }
        if observed.lost {
            self.progress.show(&Event::Lost {
                node: self.nodes[place].name.clone(),
                message: self.nodes[place].message.clone(),
            });
        }
        Ok(())
    }

    fn reach(&mut self, place: usize, milestone: Milestone) {
        let (node, machine) = (&mut self.nodes[place], &self.machines[place]);
        if let Some(after) = machine.uptime()
            && milestone > node.state
        {
            node.state = milestone;
            node.after = after;
            if milestone == node.goal {
                // Those that still come up are in a greater hurry.
                machine.step_back();
            }
            self.progress.show(&Event::Reached {
                node: node.name.clone(),
                milestone,
                after,
            });
        }
    }

    /// Time is up: keeps what the screens show, and tells how far each node came.
    fn not_ready(&mut self) -> BootError {
        for machine in &mut self.machines {
            // A screen that cannot be had is no news beside nodes that are not Ready.
            let _ = machine.screen();
        }
        let behind = self.nodes.iter().filter(|node| node.state < node.goal);
        BootError::NotReady {
            seconds: self.request.timeout.as_secs(),
            nodes: behind.map(Node::describe).collect::<Vec<_>>().join("; "),
            directory: self.directory.path().to_owned(),
        }
    }

    fn booted(&self) -> Vec<BootedNode> {
        let booted = |(node, machine): (&Node, &Machine)| BootedNode {
            name: node.name.clone(),
            role: machine.node().role,
            address: machine.node().address.addr(),
            state: node.state,
            seconds: node.after.as_secs_f64(),
        };
        self.nodes.iter().zip(&self.machines).map(booted).collect()
    }

    /// Does what follows once all nodes are Ready.
    fn then(&mut self) -> Result<(), BootError> {
        let words = match &self.request.then {
            Then::PowerOff => return Ok(()),
            Then::Stay => return self.stay(|| Ok(false)),
            Then::Run(words) => words,
        };
        let Some((name, arguments)) = words.split_first() else {
            return Ok(());
        };
        let program = name.display().to_string();
        let failed = |status: String| BootError::Then {
            program: program.clone(),
            status,
        };
        self.progress.finish();
        #[expect(
            clippy::disallowed_methods,
            reason = "`program` keeps what it runs from the terminal; this is the user's own"
        )]
        let mut child = std::process::Command::new(name)
            .args(arguments)
            .env("KUBECONFIG", self.directory.kubeconfig())
            .env("KIMAGE_BOOT_DIR", self.directory.path())
            .env("PATH", self.path())
            .spawn()
            .map_err(|error| failed(error.to_string()))?;
        let stayed = self.stay(|| Ok(child.try_wait()?.is_some()));
        end(&mut child);
        stayed?;
        match child.wait() {
            Ok(status) if status.success() => Ok(()),
            Ok(status) => Err(failed(status.to_string())),
            Err(error) => Err(failed(error.to_string())),
        }
    }

    /// `PATH` of the program that is run.
    fn path(&self) -> std::ffi::OsString {
        let inherited = std::env::var_os("PATH").unwrap_or_default();
        let first = self.request.programs.iter().cloned();
        std::env::join_paths(first.chain(std::env::split_paths(&inherited))).unwrap_or(inherited)
    }

    /// Goes on watching until the stop flag is set or something is done. Machines may go off: that is what tests do.
    fn stay(&mut self, mut done: impl FnMut() -> std::io::Result<bool>) -> Result<(), BootError> {
        while !self.request.stop.load(Ordering::Relaxed) && !done().unwrap_or(true) {
            self.listen()?;
            for machine in &mut self.machines {
                if machine.went_off() {
                    self.progress.show(&Event::Off {
                        node: machine.node().name.clone(),
                    });
                }
            }
        }
        Ok(())
    }
}

/// Ends a program that still runs because the run was stopped: it may clean up first.
fn end(child: &mut Child) {
    if let Ok(None) = child.try_wait() {
        // A program that ended just now, or does not end, is no news: the run is over.
        let _ = kill_process(Pid::from_child(child), Signal::TERM);
        if let Ok(None) = wait_until(child, GRACE) {
            let _ = child.kill();
        }
    }
}

/// What one look at the API told of a node.
#[derive(Debug, Default, PartialEq, Eq)]
struct Observed {
    /// The API saw this boot for the first time.
    first_seen: bool,
    /// It came at least this far.
    reached: Option<Milestone>,
    /// It was Ready and is not.
    lost: bool,
}

impl Node {
    /// Takes what the API says. What it says of an earlier boot does not count.
    fn observe(&mut self, status: &NodeStatus) -> Observed {
        if status.boot.is_empty() || self.old_boots.contains(&status.boot) {
            return Observed::default();
        }
        let was_ready = self.state == Milestone::Ready && self.message.is_empty();
        let first_seen = self.boot.as_ref() != Some(&status.boot);
        self.boot = Some(status.boot.clone());
        self.message = match status.ready {
            true => String::new(),
            false => status.message.clone(),
        };
        Observed {
            first_seen,
            reached: Some(match status.ready {
                true => Milestone::Ready,
                false => Milestone::Registered,
            }),
            lost: was_ready && !status.ready,
        }
    }

    fn describe(&self) -> String {
        let Self {
            name,
            state,
            message,
            ..
        } = self;
        match message.as_str() {
            "" => format!("`{name}` came as far as: {state}"),
            _ => format!("`{name}` came as far as: {state} ({message})"),
        }
    }
}

/// How many processors each of several guests gets: many more in sum than there are only wait for each other. The
/// masters share all of them, because everything waits for the API.
fn processors(guests: usize) -> usize {
    here().div_ceil(guests.max(1)).clamp(1, 4)
}

/// How many processors there are.
fn here() -> usize {
    thread::available_parallelism().map_or(1, usize::from)
}

/// The threads that ask the APIs, until it is dropped.
#[derive(Default)]
struct Asking(Arc<AtomicBool>);

impl Asking {
    fn ask(&self, place: usize, api: Api, tell: Sender<Sign>) {
        let over = self.0.clone();
        thread::spawn(move || {
            while !over.load(Ordering::Relaxed) {
                let nodes = match api.nodes() {
                    Ok(nodes) => Some(nodes),
                    // It answers, but does not know the administrator's rights yet.
                    Err(ureq::Error::StatusCode(_)) => Some(vec![]),
                    // No answer is what a machine that boots gives.
                    Err(_) => None,
                };
                if let Some(nodes) = nodes
                    && tell.send(Sign::Nodes(place, nodes)).is_err()
                {
                    return;
                }
                thread::sleep(PAUSE);
            }
        });
    }
}

impl Drop for Asking {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::super::{ApiAccess, BootNode, Firmware};
    use super::*;
    use crate::secret::Secret;

    fn node(old_boots: &[&str]) -> Node {
        Node {
            name: "node-1".parse().unwrap(),
            goal: Milestone::Ready,
            state: Milestone::PowerOn,
            after: Duration::ZERO,
            old_boots: old_boots.iter().map(|&boot| boot.to_owned()).collect(),
            boot: None,
            message: String::new(),
        }
    }

    fn status(boot: &str, ready: bool) -> NodeStatus {
        NodeStatus {
            name: "node-1".to_owned(),
            boot: boot.to_owned(),
            ready,
            message: "the kubelet says so".to_owned(),
        }
    }

    /// Boots a machine whose boot sector stops at once.
    fn boot_nothing(place: &Path, disks: Disks, stop: bool) -> BootError {
        let mut sector = vec![0; 512];
        sector[..2].copy_from_slice(&[0xf4, 0xf4]);
        sector[510..].copy_from_slice(&[0x55, 0xaa]);
        fs::write(place.join("node-1.raw"), sector).unwrap();
        let request = BootRequest {
            nodes: vec![BootNode {
                name: "node-1".parse().unwrap(),
                role: Role::Worker,
                image: place.join("node-1.raw"),
                mac: "52:54:00:00:00:01".to_owned(),
                address: "10.0.0.1/24".parse().unwrap(),
                gateway: None,
                memory: 32,
            }],
            api: ApiAccess {
                port: 6443,
                server_name: "kubernetes".to_owned(),
                authority: String::new(),
                certificate: String::new(),
                key: Secret::new(vec![]),
            },
            firmware: Firmware::Bios,
            disk_size: None,
            accelerator: Some(Accelerator::Tcg),
            directory: place.join("boot"),
            disks,
            timeout: Duration::from_secs(1),
            then: Then::PowerOff,
            programs: None,
            stop: Arc::new(AtomicBool::new(stop)),
        };
        boot(&request, &Progress::Lines { width: 0 }).unwrap_err()
    }

    #[test]
    fn a_machine_that_does_not_come_up_leaves_its_screen_and_no_disk() {
        let place = tempfile::tempdir().unwrap();
        let error = boot_nothing(place.path(), Disks::ThrownAway, false);
        assert!(matches!(error, BootError::NotReady { .. }), "{error}");
        let left = |name: &str| place.path().join("boot/node-1").join(name).exists();
        assert!(left("screen.png") && left("console.log"));
        assert!(!left("disk.qcow2") && !left("pid"));
    }

    #[test]
    fn a_run_that_is_stopped_ends_its_machines_and_keeps_the_disks_it_was_told_to_keep() {
        let place = tempfile::tempdir().unwrap();
        let error = boot_nothing(place.path(), Disks::Kept, true);
        assert!(matches!(error, BootError::Stopped), "{error}");
        let left = |name: &str| place.path().join("boot/node-1").join(name).exists();
        assert!(left("disk.qcow2") && !left("pid"));
    }

    #[test]
    fn a_node_that_was_ready_before_the_power_cut_is_not_ready_after_it() {
        let mut node = node(&["first"]);
        assert_eq!(node.observe(&status("first", true)), Observed::default());
        assert_eq!(
            node.observe(&status("second", false)).reached,
            Some(Milestone::Registered)
        );
        assert_eq!(
            node.observe(&status("second", true)).reached,
            Some(Milestone::Ready)
        );
    }

    #[test]
    fn a_boot_is_remembered_the_first_time_the_api_has_it() {
        let mut node = node(&[]);
        assert!(node.observe(&status("first", false)).first_seen);
        assert!(!node.observe(&status("first", true)).first_seen);
    }

    #[test]
    fn a_node_that_is_late_says_why() {
        let mut node = node(&[]);
        node.observe(&status("first", false));
        node.state = Milestone::Registered;
        assert_eq!(
            node.describe(),
            "`node-1` came as far as: registered (the kubelet says so)"
        );
    }
}
