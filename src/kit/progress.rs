//! How far a long piece of work has come: a bar on a terminal, plain lines elsewhere.

use std::io::IsTerminal;
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressStyle};

/// Told by the work, shown to whoever waits for it. Standard error, so that a report on standard
/// output can be kept.
pub struct Progress {
    shown: Shown,
    what: &'static str,
    done: u64,
    total: u64,
}

enum Shown {
    Nothing,
    Bar(ProgressBar),
    Lines { last: Instant },
}

/// Without a terminal, a line at most every so often: short work says nothing.
const BETWEEN_LINES: Duration = Duration::from_secs(2);

impl Progress {
    /// Says nothing.
    pub fn silent() -> Self {
        Self { shown: Shown::Nothing, what: "", done: 0, total: 0 }
    }

    /// A bar when standard error is a terminal, else lines.
    pub fn on_stderr() -> Self {
        let shown = if std::io::stderr().is_terminal() {
            let bar = ProgressBar::new(0);
            // A wrong template would only cost the bar its looks.
            if let Ok(style) = ProgressStyle::with_template("{msg:14} {bar:40} {human_pos} of {human_len} {eta}") {
                bar.set_style(style);
            }
            Shown::Bar(bar)
        } else {
            Shown::Lines { last: Instant::now() }
        };
        Self { shown, ..Self::silent() }
    }

    /// The next part of the work: `total` pieces of `what`.
    pub fn begin(&mut self, what: &'static str, total: usize) {
        (self.what, self.done, self.total) = (what, 0, total as u64);
        if let Shown::Bar(bar) = &self.shown {
            bar.set_position(0);
            bar.set_length(self.total);
            bar.set_message(what);
        }
    }

    /// So many more pieces are done.
    pub fn advance(&mut self, pieces: usize) {
        self.done += pieces as u64;
        match &mut self.shown {
            Shown::Nothing => {}
            Shown::Bar(bar) => bar.set_position(self.done),
            Shown::Lines { last } if last.elapsed() >= BETWEEN_LINES => {
                *last = Instant::now();
                eprintln!("{}: {} of {}", self.what, self.done, self.total);
            }
            Shown::Lines { .. } => {}
        }
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        if let Shown::Bar(bar) = &self.shown {
            bar.finish_and_clear();
        }
    }
}
