//! What people see of a boot: a line per step of each node, and on a terminal what every node is doing now.

use std::fmt;
use std::io::IsTerminal;
use std::time::Duration;

use indicatif::{MultiProgress, ProgressBar, ProgressStyle};
use serde::Serialize;

use crate::report::Report;
use crate::spec::NodeName;

/// How far a machine has come. Later is further.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Milestone {
    /// It is off until those that were switched on before it leave it a processor.
    Waiting,
    /// It is switched on.
    PowerOn,
    /// It has used its address.
    Network,
    /// Its own API answers the administrator; masters only.
    Api,
    /// The API knows it, and it is this boot of it.
    Registered,
    /// It takes pods.
    Ready,
}

/// Something that happened.
#[derive(Debug, Clone)]
pub enum Event {
    /// A node came further.
    Reached {
        /// Which node.
        node: NodeName,
        /// How far.
        milestone: Milestone,
        /// After how long, from its own power-on.
        after: Duration,
    },
    /// A node that was Ready is not any more.
    Lost {
        /// Which node.
        node: NodeName,
        /// What its kubelet says.
        message: String,
    },
    /// A machine went off.
    Off {
        /// Which node.
        node: NodeName,
    },
}

impl fmt::Display for Milestone {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Waiting => "waits until the others leave it a processor",
            Self::PowerOn => "power on",
            Self::Network => "on the network",
            Self::Api => "its API answers",
            Self::Registered => "registered",
            Self::Ready => "Ready",
        })
    }
}

impl Event {
    /// Which node it happened to.
    fn node(&self) -> &NodeName {
        match self {
            Self::Reached { node, .. } | Self::Lost { node, .. } | Self::Off { node } => node,
        }
    }
}

impl fmt::Display for Event {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Reached {
                milestone: milestone @ (Milestone::Waiting | Milestone::PowerOn),
                ..
            } => milestone.fmt(f),
            Self::Reached {
                milestone, after, ..
            } => write!(f, "{milestone} after {:.1} s", after.as_secs_f64()),
            Self::Lost { message, .. } => write!(f, "not Ready any more: {message}"),
            Self::Off { .. } => f.write_str("power off"),
        }
    }
}

/// Shows events as they come.
pub enum Progress {
    /// A line per event.
    Lines {
        /// Width of the longest name.
        width: usize,
    },
    /// The same, above a line per node that moves.
    Live {
        /// Width of the longest name.
        width: usize,
        /// All lines.
        screen: MultiProgress,
        /// Each node's.
        nodes: Vec<(NodeName, ProgressBar)>,
    },
}

impl Progress {
    /// Shows on standard error, live where that is a terminal.
    pub fn to_stderr<'a>(names: impl IntoIterator<Item = &'a NodeName>) -> Self {
        let names: Vec<_> = names.into_iter().cloned().collect();
        let width = names
            .iter()
            .map(|name| name.as_str().len())
            .max()
            .unwrap_or(0);
        if !std::io::stderr().is_terminal() {
            return Self::Lines { width };
        }
        let screen = MultiProgress::new();
        let style = ProgressStyle::with_template("{spinner} {prefix} {msg} ({elapsed})")
            .unwrap_or_else(|_| ProgressStyle::default_spinner());
        let bar = |name: NodeName| {
            let bar = screen.add(ProgressBar::new_spinner().with_style(style.clone()));
            bar.set_prefix(format!("{name:width$}"));
            (name, bar)
        };
        let nodes = names.into_iter().map(bar).collect();
        Self::Live {
            width,
            screen,
            nodes,
        }
    }

    /// Shows one event.
    pub fn show(&self, event: &Event) {
        match self {
            Self::Lines { width } => Report::to_stderr().step(&line(event, *width)),
            Self::Live {
                width,
                screen,
                nodes,
            } => {
                screen.suspend(|| Report::to_stderr().step(&line(event, *width)));
                for (name, bar) in nodes {
                    if name == event.node() {
                        advance(bar, event);
                    }
                }
            }
        }
    }

    /// Takes the moving lines away.
    pub fn finish(&self) {
        if let Self::Live { nodes, .. } = self {
            for (_, bar) in nodes {
                bar.finish_and_clear();
            }
        }
    }
}

fn line(event: &Event, width: usize) -> String {
    format!("{:width$}  {event}", event.node().as_str())
}

/// Says what the node is doing now, which is on the way to the next step.
fn advance(bar: &ProgressBar, event: &Event) {
    let doing = match event {
        Event::Reached { milestone, .. } => match milestone {
            Milestone::Waiting => "waiting for a processor",
            Milestone::PowerOn => "booting",
            Milestone::Network | Milestone::Api => "starting Kubernetes",
            Milestone::Registered => "getting Ready",
            Milestone::Ready => return bar.finish_and_clear(),
        },
        Event::Lost { .. } => "not Ready",
        Event::Off { .. } => return bar.finish_and_clear(),
    };
    bar.set_message(doing);
    bar.enable_steady_tick(Duration::from_millis(200));
    bar.reset_elapsed();
    bar.tick();
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_tells_the_node_the_step_and_the_time() {
        let event = Event::Reached {
            node: "node-1".parse().unwrap(),
            milestone: Milestone::Ready,
            after: Duration::from_millis(57_340),
        };
        assert_eq!(line(&event, 8), "node-1    Ready after 57.3 s");
    }
}
