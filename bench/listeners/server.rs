//! The server under load: a process that runs already, or one of our own that can be started again.

use std::net::SocketAddr;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};
use tokio::time::sleep;

use crate::http;

/// The process that is measured.
pub struct Server {
    address: SocketAddr,
    pid: u32,
    /// Its command and itself, when it is ours.
    own: Option<(Vec<String>, Child)>,
}

impl Server {
    /// One that runs.
    pub fn running(address: SocketAddr, pid: u32) -> Self {
        Self { address, pid, own: None }
    }

    /// Starts one, and waits until it is ready.
    ///
    /// # Errors
    /// One line.
    pub async fn start(address: SocketAddr, command: &[String]) -> Result<Self, String> {
        let child = spawn(command)?;
        let mut server = Self { address, pid: child.id(), own: Some((command.to_vec(), child)) };
        server.ready().await?;
        Ok(server)
    }

    async fn ready(&mut self) -> Result<(), String> {
        let request = format!("GET /readyz HTTP/1.1\r\nHost: {}\r\nConnection: close\r\n\r\n", self.address);
        let begin = Instant::now();
        while begin.elapsed() < Duration::from_secs(60) {
            if http::ask(self.address, &request).await.is_ok_and(|answer| answer.head.status == 200) {
                return Ok(());
            }
            if let Some((_, child)) = &mut self.own
                && let Some(status) = child.try_wait().map_err(|e| e.to_string())?
            {
                return Err(format!("the server ended: {status}"));
            }
            sleep(Duration::from_millis(10)).await;
        }
        Err("the server is not ready after a minute".into())
    }

    /// Asks it by SIGTERM to stop, waits for its end, starts it again and waits until it is ready:
    /// how long the end took, and how long the new beginning.
    ///
    /// # Errors
    /// One line, also when it did not end with 0.
    pub async fn restart(&mut self) -> Result<(Duration, Duration), String> {
        let (command, child) = self.own.as_mut().ok_or("only a server that was started here can be restarted")?;
        let begin = Instant::now();
        terminate(child)?;
        let status = loop {
            if let Some(status) = child.try_wait().map_err(|e| e.to_string())? {
                break status;
            }
            if begin.elapsed() > Duration::from_secs(60) {
                return Err("the server does not end within a minute of SIGTERM".into());
            }
            sleep(Duration::from_millis(5)).await;
        };
        if !status.success() {
            return Err(format!("the server ended with {status}"));
        }
        let stopped = begin.elapsed();
        *child = spawn(command)?;
        self.pid = child.id();
        self.ready().await?;
        Ok((stopped, begin.elapsed() - stopped))
    }

    /// Its resident memory now, in bytes.
    ///
    /// # Errors
    /// One line.
    pub fn memory(&self) -> Result<u64, String> {
        let path = format!("/proc/{}/status", self.pid);
        let status = std::fs::read_to_string(&path).map_err(|error| format!("{path}: {error}"))?;
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).ok_or("no VmRSS")?;
        let kib: u64 = line.trim().trim_end_matches(" kB").parse().map_err(|_| format!("VmRSS: {line}"))?;
        Ok(kib * 1024)
    }
}

impl Drop for Server {
    /// A server of our own ends with us.
    fn drop(&mut self) {
        if let Some((_, child)) = &mut self.own
            && terminate(child).is_ok()
        {
            let _ended = child.wait();
        }
    }
}

fn spawn(command: &[String]) -> Result<Child, String> {
    let (program, arguments) = command.split_first().ok_or("no command")?;
    // What the server says goes where errors go; standard output holds figures only.
    Command::new(program)
        .args(arguments)
        .stdin(Stdio::null())
        .stdout(std::io::stderr())
        .spawn()
        .map_err(|error| format!("{program}: {error}"))
}

fn terminate(child: &Child) -> Result<(), String> {
    let pid = i32::try_from(child.id()).ok().and_then(Pid::from_raw).ok_or("no process id")?;
    kill_process(pid, Signal::TERM).map_err(|error| error.to_string())
}
