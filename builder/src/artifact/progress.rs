//! What people see while artifacts are fetched.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use indicatif::{DecimalBytes, MultiProgress, ProgressBar, ProgressStyle};

/// Is told how fetching goes on. Calls come from several threads; every artifact that starts also ends, by
/// `finished` or `failed`.
pub trait Progress: Sync {
    /// Bytes of an artifact begin to come; `done` of `total`, where that is known, were there already.
    fn started(&self, name: &str, done: u64, total: Option<u64>);

    /// Some more bytes are there.
    fn advanced(&self, name: &str, bytes: u64);

    /// It did not work, and will be tried again after a while.
    fn waiting(&self, name: &str, why: &str, wait: Duration);

    /// All bytes are there and right; they were `size`.
    fn finished(&self, name: &str, size: u64);

    /// The artifact cannot be had; the error follows elsewhere.
    fn failed(&self, name: &str);
}

/// Shows nothing.
#[derive(Debug, Clone, Copy)]
pub struct Silent;

impl Progress for Silent {
    fn started(&self, _: &str, _: u64, _: Option<u64>) {}
    fn advanced(&self, _: &str, _: u64) {}
    fn waiting(&self, _: &str, _: &str, _: Duration) {}
    fn finished(&self, _: &str, _: u64) {}
    fn failed(&self, _: &str) {}
}

/// A line per step, for logs.
pub struct Lines<F: Fn(&str)>(
    /// Takes one line, without its end.
    pub F,
);

impl<F: Fn(&str) + Sync> Progress for Lines<F> {
    fn started(&self, name: &str, done: u64, total: Option<u64>) {
        let size = total.map_or(String::new(), |total| format!(" ({})", DecimalBytes(total)));
        let from = match done {
            0 => String::new(),
            done => format!(", going on after {}", DecimalBytes(done)),
        };
        (self.0)(&format!("fetching {name}{size}{from}"));
    }

    fn advanced(&self, _: &str, _: u64) {}

    fn waiting(&self, name: &str, why: &str, wait: Duration) {
        (self.0)(&format!(
            "{name}: {why}; trying again in {} s",
            wait.as_secs()
        ));
    }

    fn finished(&self, name: &str, size: u64) {
        (self.0)(&format!("fetched {name} ({})", DecimalBytes(size)));
    }

    fn failed(&self, name: &str) {
        (self.0)(&format!("{name} failed"));
    }
}

/// A bar per artifact on the terminal (standard error), with bytes and the time that is left.
#[derive(Debug, Default)]
pub struct Bars {
    all: MultiProgress,
    bars: Mutex<BTreeMap<String, ProgressBar>>,
}

impl Bars {
    /// No bar yet.
    pub fn new() -> Self {
        Self::default()
    }

    fn bars(&self) -> MutexGuard<'_, BTreeMap<String, ProgressBar>> {
        // A thread that panicked leaves at worst a bar that stands still.
        self.bars.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn end(&self, name: &str) {
        if let Some(bar) = self.bars().remove(name) {
            bar.finish_and_clear();
            self.all.remove(&bar);
        }
    }
}

impl Progress for Bars {
    fn started(&self, name: &str, done: u64, total: Option<u64>) {
        let template = match total {
            Some(_) => {
                "{prefix:24!} [{bar:30}] {bytes:>10} of {total_bytes:<10} {bytes_per_sec:>12}, {eta} left {msg}"
            }
            None => "{prefix:24!} {spinner} {bytes:>10} {bytes_per_sec:>12} {msg}",
        };
        let style = ProgressStyle::with_template(template)
            .unwrap_or_else(|_| ProgressStyle::default_bar())
            .progress_chars("=> ");
        let mut bars = self.bars();
        let bar = bars
            .entry(name.to_owned())
            .or_insert_with(|| self.all.add(ProgressBar::no_length()));
        bar.set_style(style);
        bar.set_prefix(name.to_owned());
        bar.set_message("");
        if let Some(total) = total {
            bar.set_length(total);
        }
        bar.set_position(done);
        bar.reset_eta();
    }

    fn advanced(&self, name: &str, bytes: u64) {
        if let Some(bar) = self.bars().get(name) {
            bar.inc(bytes);
        }
    }

    fn waiting(&self, name: &str, why: &str, wait: Duration) {
        let line = format!("{name}: {why}; trying again in {} s", wait.as_secs());
        // A closed terminal is nobody's problem here.
        let _ = self.all.println(line);
    }

    fn finished(&self, name: &str, size: u64) {
        self.end(name);
        let _ = self
            .all
            .println(format!("fetched {name} ({})", DecimalBytes(size)));
    }

    fn failed(&self, name: &str) {
        self.end(name);
    }
}
