//! One machine: a QEMU process that can be switched on and off.
//!
//! QEMU inherits its sockets, so nothing lies around for others to connect to. It runs under `setpriv --pdeathsig`: when
//! this process is killed, the kernel kills QEMU. That signal belongs to the *thread* that started QEMU, so a machine
//! is started from a thread that lives as long as the run.

use std::fs;
use std::io;
use std::net::{Ipv4Addr, TcpListener};
use std::os::fd::{AsRawFd, RawFd};
use std::os::unix::net::UnixStream;
use std::os::unix::process::CommandExt;
use std::path::PathBuf;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use procfs::process::Process;
use rustix::io::{FdFlags, fcntl_setfd};
use rustix::process::{Pid, setpriority_pgrp};

use super::arguments::{Forward, Setup, arguments, unused};
use super::directory::{NodeFiles, file_error, private, write_private};
use super::firmware::Ovmf;
use super::qmp::Monitor;
use super::{Accelerator, BootError, BootNode, Firmware, Segment};
use crate::program::ProgramError;

/// The nice value of a machine that need not hurry: it gets a third of what another one gets.
const STEPPED_BACK: i32 = 5;

/// What `setpriv` exits with when it does not find the program.
const NOT_FOUND: i32 = 127;

/// A machine, off at first. It goes off when it is dropped.
pub struct Machine {
    node: BootNode,
    files: NodeFiles,
    accelerator: Accelerator,
    processors: usize,
    uefi: Option<Ovmf>,
    forward: Option<Forward>,
    running: Option<Running>,
}

struct Running {
    process: Child,
    monitor: Monitor,
    since: Instant,
}

impl Machine {
    pub(super) fn new(
        node: &BootNode,
        files: NodeFiles,
        accelerator: Accelerator,
        processors: usize,
        firmware: Firmware,
    ) -> Result<Self, BootError> {
        Ok(Self {
            node: node.clone(),
            files,
            accelerator,
            processors,
            uefi: match firmware {
                Firmware::Bios => None,
                Firmware::Uefi => Some(Ovmf::find()?),
            },
            forward: None,
            running: None,
        })
    }

    /// Forwards a free port of this machine's loopback to a port of the guest, from the next power-on, and adds the
    /// addresses that this takes of the guest's network to those used.
    pub(super) fn forward(&mut self, to: u16, used: &mut Vec<Ipv4Addr>) -> Result<u16, BootError> {
        let own = unused(self.node.address, used).ok_or_else(|| BootError::NoAddress {
            node: self.node.name.clone(),
        })?;
        used.extend(own);
        let from = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))
            .and_then(|listener| listener.local_addr())
            .map_err(|source| self.start_error(source))?
            .port();
        self.forward = Some(Forward { from, to, own });
        Ok(from)
    }

    /// Which node it is.
    pub fn node(&self) -> &BootNode {
        &self.node
    }

    /// Where its serial console is written.
    pub fn console(&self) -> PathBuf {
        self.files.console()
    }

    pub(super) fn files(&self) -> &NodeFiles {
        &self.files
    }

    /// How long it has been on, if it is.
    pub fn uptime(&self) -> Option<Duration> {
        self.running.as_ref().map(|running| running.since.elapsed())
    }

    /// What it has used of processors since it was switched on, if it is on and that can be known.
    pub(super) fn processor_time(&self) -> Option<Duration> {
        let running = self.running.as_ref()?;
        let process = Process::new(Pid::from_child(&running.process).as_raw_pid()).ok()?;
        let stat = process.stat().ok()?;
        let ticks = (stat.utime + stat.stime) as f64;
        Some(Duration::from_secs_f64(
            ticks / procfs::ticks_per_second() as f64,
        ))
    }

    /// Lets others have the processors first, until it is switched off.
    pub(super) fn step_back(&self) {
        if let Some(running) = &self.running {
            // It has a process group of its own. That others have to wait for it is no reason to fail.
            let _ = setpriority_pgrp(Some(Pid::from_child(&running.process)), STEPPED_BACK);
        }
    }

    /// Switches it on and plugs it into a segment. `seen` is called when it is on the network.
    pub fn power_on(
        &mut self,
        segment: &Segment,
        seen: impl FnOnce() + Send + 'static,
    ) -> Result<(), BootError> {
        self.power_off_hard();
        let words = private(&self.files.words()).map_err(file_error(&self.files.words()))?;
        private(&self.files.console()).map_err(file_error(&self.files.console()))?;
        let start = || -> io::Result<(Child, UnixStream)> {
            let wire = segment.plug(self.node.address.addr(), seen)?;
            let forward_wire = match &self.forward {
                Some(forward) => Some(segment.plug_user_network(forward.own[0])?),
                None => None,
            };
            let forward = match (&self.forward, &forward_wire) {
                (Some(forward), Some(wire)) => Some((forward, inherited(wire)?)),
                _ => None,
            };
            let (monitor, ours) = UnixStream::pair()?;
            let arguments = arguments(&Setup {
                node: &self.node,
                files: &self.files,
                accelerator: self.accelerator,
                processors: self.processors,
                uefi: self.uefi.map(|ovmf| ovmf.code),
                forward,
                wire: inherited(&wire)?,
                monitor: inherited(&monitor)?,
            });
            let process = qemu()
                .args(arguments)
                .stdout(words.try_clone()?)
                .stderr(words)
                .spawn()?;
            Ok((process, ours))
        };
        let since = Instant::now();
        let (mut process, ours) = start().map_err(|source| match source.kind() {
            io::ErrorKind::NotFound => missing("setpriv"),
            _ => self.start_error(source),
        })?;
        let pid = self.files.process();
        let greeted = Monitor::greet(ours);
        let recorded = write_private(&pid, process.id().to_string().as_bytes());
        match greeted.and_then(|monitor| recorded.map(|()| monitor)) {
            Ok(monitor) => {
                self.running = Some(Running {
                    process,
                    monitor,
                    since,
                });
                Ok(())
            }
            Err(_) => {
                // Killing what has ended already is no harm.
                let _ = process.kill();
                let status = process.wait();
                Err(match status.ok().and_then(|status| status.code()) {
                    Some(NOT_FOUND) => missing("qemu-system-x86_64"),
                    _ => self.start_error(io::Error::other(self.last_words())),
                })
            }
        }
    }

    /// Cuts the power.
    pub fn power_off_hard(&mut self) {
        if let Some(mut running) = self.running.take() {
            // It may have ended already.
            let _ = running.process.kill();
            let _ = running.process.wait();
            let _ = fs::remove_file(self.files.process());
        }
    }

    /// Presses the reset button.
    pub fn reset(&mut self) -> io::Result<()> {
        self.monitor()?.reset()
    }

    /// Presses the power button, which asks the guest to shut down.
    pub fn press_power(&mut self) -> io::Result<()> {
        self.monitor()?.press_power()
    }

    /// Saves what the screen shows, and says where.
    pub fn screen(&mut self) -> io::Result<PathBuf> {
        let path = self.files.screen();
        self.monitor()?.screen(&path)?;
        Ok(path)
    }

    /// Whether it went off since it was switched on: from inside, or because its process was killed.
    pub fn went_off(&mut self) -> bool {
        let ended = match &mut self.running {
            Some(running) => !matches!(running.process.try_wait(), Ok(None)),
            None => false,
        };
        if ended {
            self.power_off_hard();
        }
        ended
    }

    /// The last line that QEMU itself said.
    pub(super) fn last_words(&self) -> String {
        let words = fs::read(self.files.words()).unwrap_or_default();
        let words = String::from_utf8_lossy(&words);
        let last = words.trim().lines().next_back();
        last.unwrap_or("QEMU said nothing").to_owned()
    }

    fn monitor(&mut self) -> io::Result<&mut Monitor> {
        match &mut self.running {
            Some(running) => Ok(&mut running.monitor),
            None => Err(io::Error::other("the machine is off")),
        }
    }

    fn start_error(&self, source: io::Error) -> BootError {
        BootError::Start {
            node: self.node.name.clone(),
            source,
        }
    }
}

impl Drop for Machine {
    fn drop(&mut self) {
        self.power_off_hard();
    }
}

/// Lets the next program that is started have a socket, and says under which number.
fn inherited(socket: &UnixStream) -> io::Result<RawFd> {
    fcntl_setfd(socket, FdFlags::empty())?;
    Ok(socket.as_raw_fd())
}

fn missing(name: &str) -> BootError {
    BootError::Program(ProgramError::Missing {
        name: name.to_owned(),
    })
}

/// A program with a group of its own, so that Ctrl-C reaches this process only, and no input.
#[expect(
    clippy::disallowed_methods,
    reason = "`program` waits for what it runs; machines run on"
)]
fn program(name: &str) -> Command {
    let mut command = Command::new(name);
    command
        .envs([("LC_ALL", "C"), ("TZ", "UTC")])
        .stdin(Stdio::null())
        .process_group(0);
    command
}

/// QEMU, which dies with the thread that starts it.
pub(super) fn qemu() -> Command {
    let mut command = program("setpriv");
    command.args(["--pdeathsig", "KILL", "--", "qemu-system-x86_64"]);
    command
}

/// Waits until a process ends, or for as long as is given.
pub(super) fn wait_until(process: &mut Child, limit: Duration) -> io::Result<Option<ExitStatus>> {
    let since = Instant::now();
    loop {
        if let Some(status) = process.try_wait()? {
            return Ok(Some(status));
        }
        if since.elapsed() >= limit {
            return Ok(None);
        }
        thread::sleep(Duration::from_millis(10));
    }
}
