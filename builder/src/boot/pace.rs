//! When the next machine is switched on.
//!
//! With KVM all are at once. An emulated machine needs minutes of a processor to come up, and its programs have limits:
//! three API servers that start on two processors are not done within the minute that `kube-apiserver` gives itself
//! (`PostStartHook "start-service-ip-repair-controllers" failed`), end, start again, and keep each other from coming up
//! for ever. So as many machines come up at once as there are processors, and another one when these leave it one, as
//! those do that wait for it.

use std::time::Duration;

use super::Accelerator;

/// Over how long the use of processors is taken: longer than etcd is silent before an election.
const WINDOW: Duration = Duration::from_secs(20);
/// What the next machine must find unused, in processors.
const SPARE: f64 = 0.75;
/// The next machine is switched on after so long in any case: those that are busy may be so because they miss it.
const AT_LAST: Duration = Duration::from_secs(300);

/// Holds machines back until there is a processor for them.
pub(super) struct Pace {
    accelerator: Accelerator,
    processors: usize,
    /// When the last machine was switched on, on the run's clock.
    switched_on: Duration,
    window: Option<Use>,
}

/// What the machines that are on have used in sum.
#[derive(Clone, Copy)]
struct Use {
    /// Of processors.
    time: Duration,
    /// When it was looked at, on the run's clock.
    at: Duration,
}

impl Pace {
    pub(super) fn new(accelerator: Accelerator, processors: usize) -> Self {
        Self {
            accelerator,
            processors,
            switched_on: Duration::ZERO,
            window: None,
        }
    }

    /// Whether to switch on another machine while `rising` others come up. All that are on have used `used` of processors
    /// until `now` on the run's clock. Whoever is told so does it.
    pub(super) fn another(&mut self, rising: usize, used: Duration, now: Duration) -> bool {
        let another = self.accelerator == Accelerator::Kvm
            || rising < self.processors
            || self.left_one(used, now)
            || now.saturating_sub(self.switched_on) >= AT_LAST;
        if another {
            self.switched_on = now;
            self.window = None;
        }
        another
    }

    fn left_one(&mut self, time: Duration, at: Duration) -> bool {
        let begin = *self.window.get_or_insert(Use { time, at });
        let length = at.saturating_sub(begin.at);
        if length < WINDOW {
            return false;
        }
        self.window = Some(Use { time, at });
        let busy = time.saturating_sub(begin.time).as_secs_f64() / length.as_secs_f64();
        busy + SPARE <= self.processors as f64
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// When each of several machines is switched on, in seconds, if all that are on use what `use_of` says at each second and
    /// come up within `rising` seconds.
    fn times(
        pace: &mut Pace,
        machines: usize,
        rising: u64,
        use_of: impl Fn(usize, u64) -> f64,
    ) -> Vec<u64> {
        let mut on: Vec<u64> = vec![];
        let mut used = 0.0;
        for second in 0..2_000 {
            used += use_of(on.len(), second);
            loop {
                let rise = on.iter().filter(|&&since| second < since + rising).count();
                let (used, now) = (Duration::from_secs_f64(used), Duration::from_secs(second));
                if on.len() == machines || !pace.another(rise, used, now) {
                    break;
                }
                on.push(second);
            }
        }
        on
    }

    #[test]
    fn with_kvm_all_are_switched_on_at_once() {
        let mut pace = Pace::new(Accelerator::Kvm, 2);
        assert_eq!(times(&mut pace, 5, 100, |on, _| on as f64), [0; 5]);
    }

    #[test]
    fn as_many_emulated_ones_come_up_at_once_as_there_are_processors() {
        let mut pace = Pace::new(Accelerator::Tcg, 2);
        let on = times(&mut pace, 5, 100, |_, _| 2.0);
        assert_eq!(on, [0, 0, 100, 100, 200]);
    }

    #[test]
    fn those_that_wait_for_another_one_leave_it_a_processor() {
        let mut pace = Pace::new(Accelerator::Tcg, 2);
        let idle_from_100 = |_, second| if second < 100 { 2.0 } else { 0.2 };
        let on = times(&mut pace, 4, 2_000, idle_from_100);
        assert_eq!(on, [0, 0, 120, 140]);
    }

    #[test]
    fn those_that_are_busy_for_ever_get_the_next_one_at_last() {
        let mut pace = Pace::new(Accelerator::Tcg, 2);
        let on = times(&mut pace, 4, 2_000, |_, _| 2.0);
        assert_eq!(on, [0, 0, 300, 600]);
    }

    #[test]
    fn a_short_silence_is_not_idleness() {
        let mut pace = Pace::new(Accelerator::Tcg, 2);
        let elections = |_, second: u64| if second % 20 < 10 { 0.6 } else { 2.0 };
        assert_eq!(times(&mut pace, 3, 2_000, elections), [0, 0, 300]);
    }
}
