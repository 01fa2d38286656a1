//! Other programs, run in one place.
//!
//! A [`Program`] is started directly, never through a shell, with an environment of its own: `PATH`, a temporary
//! directory, `LC_ALL=C`, `TZ=UTC` and what the caller sets, so that the user's locale, time zone and variables cannot reach an
//! image. Bases are prepared and tests are judged with it; a node's build never starts one.
//!
//! To make a missing program's error say which package brings it, add the program to [`PACKAGES`].

use std::ffi::{OsStr, OsString};
use std::fs::File;
use std::io::{self, BufRead, BufReader, Read, Write};
use std::path::PathBuf;
use std::process::{Child, ExitStatus, Stdio};
use std::thread;

use crate::failure::{Exit, Failure};

/// How many of the last lines of standard error an error quotes.
const QUOTED_LINES: usize = 12;
/// The longest line that is kept, in bytes.
const LONGEST_LINE: u64 = 4096;

/// Programs that kimage may start, and the Debian package of each.
const PACKAGES: &[(&str, &str)] = &[
    ("mmdebstrap", "mmdebstrap"),
    ("dnf", "dnf"),
    ("xz", "xz-utils"),
    ("grub-mkimage", "grub-common"),
    ("qemu-system-x86_64", "qemu-system-x86"),
    ("qemu-img", "qemu-utils"),
    ("setpriv", "util-linux"),
    ("openssl", "openssl"),
    ("e2fsck", "e2fsprogs"),
    ("debugfs", "e2fsprogs"),
    ("sgdisk", "gdisk"),
    ("fsck.vfat", "dosfstools"),
    ("mcopy", "mtools"),
    ("tar", "tar"),
];

/// A program to run. Nothing happens until [`Program::run`].
#[derive(Debug)]
pub struct Program {
    name: String,
    args: Vec<OsString>,
    env: Vec<(String, OsString)>,
    stdin: Input,
    directory: Option<PathBuf>,
}

/// What a program reads from its standard input.
#[derive(Debug)]
enum Input {
    Nothing,
    Bytes(Vec<u8>),
    File(File),
}

/// What a program that succeeded has written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Output {
    /// All of its standard output.
    pub stdout: Vec<u8>,
    /// The last lines of its standard error.
    pub stderr: Vec<String>,
}

/// Why a program did not do its work.
#[derive(Debug, thiserror::Error)]
pub enum ProgramError {
    /// It is not installed.
    #[error("the program `{name}` is not installed")]
    Missing {
        /// Its name.
        name: String,
    },
    /// It could not be started, or what it wrote could not be read.
    #[error("cannot run `{name}`")]
    Run {
        /// Its name.
        name: String,
        /// What the system says.
        #[source]
        source: io::Error,
    },
    /// It ended with an error.
    #[error("`{name}` failed: {status}{}", quoted(last))]
    Failed {
        /// Its name.
        name: String,
        /// How it ended.
        status: ExitStatus,
        /// The last lines that it wrote to standard error.
        last: Vec<String>,
    },
}

fn quoted(lines: &[String]) -> String {
    lines
        .iter()
        .map(|line| format!("\n    {line}"))
        .collect::<String>()
}

impl Failure for ProgramError {
    fn exit(&self) -> Exit {
        Exit::Environment
    }

    fn hint(&self) -> Option<String> {
        let Self::Missing { name } = self else {
            return None;
        };
        Some(match PACKAGES.iter().find(|(program, _)| program == name) {
            Some((_, package)) => {
                format!("on Debian and Ubuntu, `apt-get install {package}` brings it")
            }
            None => format!("install `{name}`"),
        })
    }
}

impl Program {
    /// A program by its name, looked up in `PATH`.
    pub fn new(name: impl Into<String>) -> Self {
        Self {
            name: name.into(),
            args: Vec::new(),
            env: Vec::new(),
            stdin: Input::Nothing,
            directory: None,
        }
    }

    /// One more argument.
    pub fn arg(mut self, arg: impl AsRef<OsStr>) -> Self {
        self.args.push(arg.as_ref().to_owned());
        self
    }

    /// More arguments.
    pub fn args<A: AsRef<OsStr>>(mut self, args: impl IntoIterator<Item = A>) -> Self {
        self.args
            .extend(args.into_iter().map(|arg| arg.as_ref().to_owned()));
        self
    }

    /// One more environment variable.
    pub fn env(mut self, name: impl Into<String>, value: impl AsRef<OsStr>) -> Self {
        self.env.push((name.into(), value.as_ref().to_owned()));
        self
    }

    /// The directory to run in.
    pub fn directory(mut self, directory: impl Into<PathBuf>) -> Self {
        self.directory = Some(directory.into());
        self
    }

    /// Bytes for its standard input.
    pub fn stdin(mut self, bytes: impl Into<Vec<u8>>) -> Self {
        self.stdin = Input::Bytes(bytes.into());
        self
    }

    /// An open file as its standard input.
    pub fn stdin_file(mut self, file: File) -> Self {
        self.stdin = Input::File(file);
        self
    }

    /// Runs it to its end and keeps what it writes to standard output.
    pub fn run(self) -> Result<Output, ProgramError> {
        self.run_with(|_| {})
    }

    /// Like [`Program::run`]; `line` sees each line of standard error as it is written.
    pub fn run_with(self, line: impl FnMut(&str) + Send) -> Result<Output, ProgramError> {
        let mut stdout = Vec::new();
        let stderr = self.run_reading(line, |out| out.read_to_end(&mut stdout).map(|_| ()))?;
        Ok(Output { stdout, stderr })
    }

    /// Runs it while `read` takes its standard output: for output that is too large for memory. When `read` fails the
    /// program is ended, and that failure is the cause. Answers the last lines of standard error.
    pub fn run_reading(
        self,
        line: impl FnMut(&str) + Send,
        read: impl FnOnce(&mut dyn Read) -> io::Result<()>,
    ) -> Result<Vec<String>, ProgramError> {
        let failed = |source| ProgramError::Run {
            name: self.name.clone(),
            source,
        };
        let mut child = self.start()?;
        let input = match self.stdin {
            Input::Bytes(bytes) => child.stdin.take().map(|pipe| (pipe, bytes)),
            Input::Nothing | Input::File(_) => None,
        };
        let stderr = child.stderr.take();
        let mut stdout = child.stdout.take();
        let (last, read) = thread::scope(|scope| {
            let lines = scope.spawn(|| stderr.map_or_else(Vec::new, |pipe| follow(pipe, line)));
            scope.spawn(move || {
                if let Some((mut pipe, bytes)) = input {
                    // A program may end without reading all of its input; its exit status tells whether that was right.
                    let _ = pipe.write_all(&bytes);
                }
            });
            let read = match &mut stdout {
                Some(pipe) => read(pipe),
                None => Ok(()),
            };
            if read.is_err() {
                // It may have ended by itself already.
                let _ = child.kill();
            }
            drop(stdout);
            (lines.join().unwrap_or_default(), read)
        });
        let status = child.wait().map_err(failed)?;
        read.map_err(failed)?;
        if status.success() {
            return Ok(last);
        }
        Err(ProgramError::Failed {
            name: self.name.clone(),
            status,
            last,
        })
    }

    fn start(&self) -> Result<Child, ProgramError> {
        // The one place where programs start; and what is taken from the environment is named here.
        #[allow(clippy::disallowed_methods)]
        let mut command = std::process::Command::new(&self.name);
        let path = std::env::var_os("PATH").unwrap_or_default();
        let path = [path.as_os_str(), OsStr::new("/usr/sbin:/sbin")].join(OsStr::new(":"));
        command.env_clear();
        for kept in [
            "HOME",
            "TMPDIR",
            "USER",
            "LOGNAME",
            "http_proxy",
            "https_proxy",
            "no_proxy",
        ] {
            if let Some(value) = std::env::var_os(kept) {
                command.env(kept, value);
            }
        }
        command
            .env("PATH", path)
            .env("LC_ALL", "C")
            .env("TZ", "UTC")
            .envs(self.env.iter().map(|(name, value)| (name, value)))
            .args(&self.args)
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        if let Some(directory) = &self.directory {
            command.current_dir(directory);
        }
        let failed = |source| ProgramError::Run {
            name: self.name.clone(),
            source,
        };
        command.stdin(match &self.stdin {
            Input::Nothing => Stdio::null(),
            Input::Bytes(_) => Stdio::piped(),
            Input::File(file) => file.try_clone().map_err(failed)?.into(),
        });
        command.spawn().map_err(|source| {
            if source.kind() == io::ErrorKind::NotFound {
                ProgramError::Missing {
                    name: self.name.clone(),
                }
            } else {
                failed(source)
            }
        })
    }
}

/// Reads lines to the end, shows each, and keeps the last ones.
fn follow(pipe: impl Read, mut line: impl FnMut(&str)) -> Vec<String> {
    let mut last = std::collections::VecDeque::new();
    let mut reader = BufReader::new(pipe);
    let mut bytes = Vec::new();
    loop {
        bytes.clear();
        match (&mut reader)
            .take(LONGEST_LINE)
            .read_until(b'\n', &mut bytes)
        {
            Ok(0) | Err(_) => return last.into(),
            Ok(_) => {}
        }
        let text = String::from_utf8_lossy(&bytes);
        let text = text.trim_end();
        if text.is_empty() {
            continue;
        }
        line(text);
        if last.len() == QUOTED_LINES {
            last.pop_front();
        }
        last.push_back(text.to_owned());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_users_locale_and_variables_do_not_reach_a_program() {
        let output = Program::new("env").env("SOURCE_DATE_EPOCH", "0").run();
        let text = String::from_utf8(output.unwrap().stdout).unwrap();
        let names: Vec<_> = text
            .lines()
            .filter_map(|line| line.split_once('=').map(|(name, _)| name))
            .collect();
        assert!(text.contains("LC_ALL=C\n") && text.contains("TZ=UTC\n"));
        assert!(!names.contains(&"CARGO_MANIFEST_DIR") && !names.contains(&"LANG"));
    }

    #[test]
    fn input_and_output_larger_than_a_pipe_do_not_hang() {
        let bytes = vec![b'x'; 1 << 20];
        assert_eq!(
            Program::new("cat")
                .stdin(bytes.clone())
                .run()
                .unwrap()
                .stdout,
            bytes
        );
    }

    #[test]
    fn a_failure_names_the_program_its_status_and_its_last_words() {
        let error = Program::new("ls")
            .arg("/nonexistent")
            .run()
            .unwrap_err()
            .to_string();
        assert!(
            error.starts_with("`ls` failed: exit status: 2\n    ls: "),
            "{error}"
        );
    }

    #[test]
    fn a_missing_program_is_an_environment_error_that_names_the_package() {
        let error = ProgramError::Missing {
            name: "grub-mkimage".into(),
        };
        assert_eq!(error.exit(), Exit::Environment);
        assert!(error.hint().unwrap().contains("grub-common"));
        assert!(matches!(
            Program::new("kimage-no-such-program").run(),
            Err(ProgramError::Missing { .. })
        ));
    }

    #[test]
    fn a_reader_that_gives_up_ends_the_program() {
        let error = Program::new("yes")
            .run_reading(|_| {}, |_| Err(io::Error::other("enough")))
            .unwrap_err();
        assert!(matches!(error, ProgramError::Run { .. }), "{error}");
    }
}
