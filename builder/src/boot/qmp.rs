//! QEMU's monitor protocol, as far as it is needed: ask, wait for the answer.
//!
//! Follows the QEMU Machine Protocol specification: a greeting, `qmp_capabilities`, then one JSON object a line; events
//! come in between.

use std::io::{self, BufRead, BufReader, Write};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::time::Duration;

use serde_json::{Value, json};

/// How long QEMU may take for an answer: it is busy with guests.
const PATIENCE: Duration = Duration::from_secs(20);

/// The monitor of a machine.
pub(super) struct Monitor {
    from: BufReader<UnixStream>,
    to: UnixStream,
}

impl Monitor {
    /// Greets the QEMU at the other end of a socket.
    pub(super) fn greet(socket: UnixStream) -> io::Result<Self> {
        socket.set_read_timeout(Some(PATIENCE))?;
        let mut monitor = Self {
            from: BufReader::new(socket.try_clone()?),
            to: socket,
        };
        if monitor.read()?.get("QMP").is_none() {
            return Err(io::Error::from(io::ErrorKind::InvalidData));
        }
        monitor.execute("qmp_capabilities", json!({}))?;
        Ok(monitor)
    }

    /// Presses the reset button.
    pub(super) fn reset(&mut self) -> io::Result<()> {
        self.execute("system_reset", json!({})).map(drop)
    }

    /// Presses the power button, once: what follows is up to the guest.
    pub(super) fn press_power(&mut self) -> io::Result<()> {
        self.execute("system_powerdown", json!({})).map(drop)
    }

    /// Saves what the screen shows as a PNG picture.
    pub(super) fn screen(&mut self, to: &Path) -> io::Result<()> {
        self.execute("screendump", json!({"filename": to, "format": "png"}))
            .map(drop)
    }

    fn execute(&mut self, command: &str, arguments: Value) -> io::Result<Value> {
        let mut line = json!({"execute": command, "arguments": arguments}).to_string();
        line.push('\n');
        self.to.write_all(line.as_bytes())?;
        loop {
            let mut answer = self.read()?;
            if let Some(error) = answer.get("error") {
                return Err(io::Error::other(format!("{command}: {error}")));
            }
            if let Some(value) = answer.get_mut("return") {
                return Ok(value.take());
            }
        }
    }

    fn read(&mut self) -> io::Result<Value> {
        let mut line = String::new();
        if self.from.read_line(&mut line)? == 0 {
            return Err(io::Error::from(io::ErrorKind::UnexpectedEof));
        }
        Ok(serde_json::from_str(&line)?)
    }
}
