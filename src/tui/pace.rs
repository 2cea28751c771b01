//! When the next frame may be drawn: at once for a person who waits, else as often as a slow line bears.
//! It counts bytes and time as it is told them; what is drawn, and whether, is the loop's.

use std::time::Duration;

use tokio::time::Instant;

/// Frames are at least so far apart: 30 a second are smooth, more only cost bytes.
const FRAME: Duration = Duration::from_millis(33);

/// While a person waits: below what they notice, and still one frame for a burst of repeated keys.
const HURRIED: Duration = Duration::from_millis(10);

/// Bytes a second that nobody asked for, on average. A number that changed costs some ten bytes and is drawn at once; a log that
/// runs faster than anybody reads takes whole screens, and is drawn once or twice a second.
const BYTES: f64 = 6_000.0;

/// With `low_bandwidth`: frames so far apart, and so many bytes a second.
const LOW: (Duration, f64) = (Duration::from_secs(2), 500.0);

/// What was not used within this time is not saved up.
const SAVED: Duration = Duration::from_secs(1);

/// See the module.
pub struct Pace {
    gap: Duration,
    bytes: f64,
    last: Option<Instant>,
    /// What was written until now is paid for then.
    paid: Instant,
    next: Instant,
    hurried: bool,
}

impl Pace {
    /// For a line that is slow, or not.
    pub fn new(low_bandwidth: bool, now: Instant) -> Self {
        let (gap, bytes) = if low_bandwidth { LOW } else { (FRAME, BYTES) };
        Self { gap, bytes, last: None, paid: now, next: now, hurried: true }
    }

    /// When the next frame may be drawn.
    pub fn next(&self) -> Instant {
        self.next
    }

    /// A frame was drawn, of so many bytes.
    pub fn drawn(&mut self, bytes: usize, now: Instant) {
        self.last = Some(now);
        // What a person asked for is theirs.
        if !std::mem::take(&mut self.hurried) {
            let from = now.checked_sub(SAVED).map_or(self.paid, |saved| self.paid.max(saved));
            self.paid = from + Duration::from_secs_f64(bytes as f64 / self.bytes);
        }
        self.next = (now + self.gap).max(self.paid);
    }

    /// A person waits for the next frame.
    pub fn hurry(&mut self, now: Instant) {
        self.hurried = true;
        self.next = self.last.map_or(now, |last| self.next.min(last + HURRIED));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Frames of so many bytes within ten seconds, while there is always something to draw.
    fn frames(low_bandwidth: bool, bytes: usize) -> usize {
        let begun = Instant::now();
        let mut pace = Pace::new(low_bandwidth, begun);
        let mut frames = 0;
        while pace.next() < begun + Duration::from_secs(10) {
            pace.drawn(bytes, pace.next());
            frames += 1;
        }
        frames
    }

    #[test]
    fn small_frames_are_smooth_and_large_ones_rare() {
        assert_eq!(frames(false, 100), 304);
        assert!((10..=12).contains(&frames(false, 6_000)), "{}", frames(false, 6_000));
        assert_eq!(frames(true, 20), 5);
        assert!(frames(true, 4_000) <= 4, "{}", frames(true, 4_000));
    }

    #[test]
    fn a_person_who_waits_is_answered_whatever_was_written_before_and_costs_nobody_a_frame() {
        for low_bandwidth in [false, true] {
            let now = Instant::now();
            let mut pace = Pace::new(low_bandwidth, now);
            pace.drawn(10, now);
            let quiet = pace.next();
            pace.drawn(1_000_000, quiet);
            assert!(pace.next() > now + Duration::from_mins(1));
            pace.hurry(now);
            assert_eq!(pace.next(), quiet + HURRIED);
            let owed = pace.paid;
            pace.drawn(1_000_000, pace.next());
            assert_eq!(pace.paid, owed);
        }
    }
}
