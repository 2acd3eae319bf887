//! The program itself, started as a person or a service manager starts it.

use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

/// A command in an otherwise empty environment, in `folder`.
pub fn command(folder: &Path, args: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_chaupal"));
    command.args(args).current_dir(folder).env_clear().stdin(Stdio::null());
    command
}

/// How it ended and what it said.
#[derive(Debug)]
pub struct Ended {
    pub code: i32,
    pub out: String,
    pub err: String,
}

impl From<Output> for Ended {
    fn from(output: Output) -> Self {
        Self {
            code: output.status.code().unwrap_or(-1),
            out: String::from_utf8_lossy(&output.stdout).into_owned(),
            err: String::from_utf8_lossy(&output.stderr).into_owned(),
        }
    }
}

impl Ended {
    #[track_caller]
    pub fn done(&self) -> &Self {
        assert_eq!(self.code, 0, "{self:?}");
        self
    }

    /// Failed with one line that holds all of these words, and nothing that looks like a crash.
    #[track_caller]
    pub fn one_line(&self, code: i32, words: &[&str]) -> &Self {
        assert_eq!(self.code, code, "{self:?}");
        assert_eq!(self.err.trim_end().lines().count(), 1, "{self:?}");
        assert!(!self.err.contains("panicked") && !self.err.contains("backtrace"), "{self:?}");
        for word in words {
            assert!(self.err.contains(word), "no {word:?} in {self:?}");
        }
        self
    }
}

/// Runs a command to its end.
pub fn run(folder: &Path, args: &[&str], env: &[(&str, &str)]) -> Ended {
    finish(command(folder, args).envs(env.iter().copied()))
}

pub fn finish(command: &mut Command) -> Ended {
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("the program starts");
    let start = Instant::now();
    while child.try_wait().expect("the program can be waited for").is_none() {
        if start.elapsed() > Duration::from_secs(60) {
            let _ = child.kill();
            panic!("{command:?} does not end: {:?}", Ended::from(child.wait_with_output().expect("its words")));
        }
        std::thread::sleep(Duration::from_millis(5));
    }
    child.wait_with_output().expect("its words").into()
}

/// Runs a command with these words on its standard input.
pub fn run_with_input(folder: &Path, args: &[&str], input: &str) -> Ended {
    let mut child = command(folder, args)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the program starts");
    let mut stdin = child.stdin.take().expect("its input");
    stdin.write_all(input.as_bytes()).expect("it reads");
    drop(stdin);
    child.wait_with_output().expect("its words").into()
}

/// A server that runs; killed when dropped.
pub struct Serving {
    pub child: Child,
    pub port: u16,
}

impl Serving {
    /// Starts a server on a port of the system's choice and waits until it says where it is. Its log is `server.log`.
    pub fn start(folder: &Path, env: &[(&str, &str)]) -> Self {
        Self::start_with(folder, env, None)
    }

    /// The same, with so many descriptors.
    pub fn start_with(folder: &Path, env: &[(&str, &str)], descriptors: Option<u32>) -> Self {
        let mut command = match descriptors {
            None => command(folder, &["serve", ":0"]),
            Some(most) => {
                let mut shell = Command::new("/bin/sh");
                shell.args(["-c", &format!("ulimit -n {most} && exec \"$0\" serve :0"), env!("CARGO_BIN_EXE_chaupal")]);
                shell.current_dir(folder).env_clear().stdin(Stdio::null());
                shell
            }
        };
        let log = std::fs::File::create(folder.join("server.log")).expect("a log can be written");
        command.envs(env.iter().copied()).stdout(Stdio::piped()).stderr(log);
        let mut child = command.spawn().expect("the program starts");
        let mut lines = BufReader::new(child.stdout.take().expect("its words")).lines();
        let port = lines.by_ref().map_while(Result::ok).find_map(|line| {
            let address = line.split("http://").nth(1)?.split_whitespace().next()?.to_owned();
            address.rsplit(':').next()?.trim_end_matches('/').parse().ok()
        });
        // Its words must go somewhere, or it would stop at a full pipe.
        std::thread::spawn(move || lines.for_each(drop));
        let port = port.unwrap_or_else(|| {
            let _ = child.kill();
            panic!("the server did not say where it serves")
        });
        Self { child, port }
    }

    /// `kill -9`
    pub fn kill(&mut self) {
        self.child.kill().expect("it can be killed");
        self.child.wait().expect("it ends");
    }
}

impl Drop for Serving {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
