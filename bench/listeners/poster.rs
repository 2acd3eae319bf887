//! The sender: logs in as a browser does, and posts messages, each until the server has taken it.

use std::cell::RefCell;
use std::net::SocketAddr;
use std::rc::Rc;
use std::time::{Duration, Instant};

use serde::Deserialize;
use tokio::time::sleep;

use crate::http::{self, Answer};
use crate::tally::{Sent, Tally};

/// How long a message waits before it is tried again.
const AGAIN: Duration = Duration::from_millis(250);

/// A person who is logged in.
pub struct Poster {
    address: SocketAddr,
    cookies: String,
    token: String,
    /// Makes the ids of this run's messages its own.
    run: u32,
}

/// The part of the answer that is looked at.
#[derive(Deserialize)]
struct Posted {
    event: i64,
}

impl Poster {
    /// Logs in.
    ///
    /// # Errors
    /// One line.
    pub async fn log_in(address: SocketAddr, login: &str, password: &str) -> Result<Self, String> {
        let page = get(address, "/login", "").await?;
        let cookies = cookies(&page);
        let body = form(&[("csrf_token", token(&page)?), ("login", login), ("password", password)]);
        let answer = post(address, "/login", &cookies, "", &body).await.map_err(|failed| failed.name())?;
        let session = self::cookies(&answer);
        if answer.head.status != 303 || !session.contains("chaupal_session") {
            return Err(format!("{login} could not log in: {}", answer.head.status));
        }
        // Logging in changes the secret behind the tokens.
        let page = get(address, "/topics", &session).await?;
        let token = token(&page)?.to_owned();
        let fresh = self::cookies(&page);
        let cookies = if fresh.is_empty() { session } else { format!("{session}; {fresh}") };
        Ok(Self { address, cookies, token, run: getrandom::u32().map_err(|e| e.to_string())? })
    }

    /// Posts the message of this number, and tries again until it is taken.
    pub async fn say(self: Rc<Self>, tally: Rc<RefCell<Tally>>, message: usize, room: i64) {
        let text =
            format!("Message [load {message}] of a run, about as long as what people say to each other in a room.");
        let client_id = format!("load-{:08x}-{message}", self.run);
        let body = form(&[("body", text.as_str()), ("client_id", client_id.as_str())]);
        let path = format!("/rooms/{room}/messages");
        tally.borrow_mut().sent[message].at = Instant::now();
        loop {
            let error = match post(self.address, &path, &self.cookies, &self.token, &body).await {
                Ok(Answer { head, body }) if matches!(head.status, 200 | 201) => match serde_json::from_str(&body) {
                    Ok(Posted { event }) => {
                        tally.borrow_mut().sent[message].acknowledged = Some((room, event));
                        return;
                    }
                    Err(error) => format!("an answer that cannot be read: {error}"),
                },
                Ok(answer) => {
                    let again = answer.head.get("retry-after").map_or("without", |_| "with");
                    format!("{} {again} Retry-After", answer.head.status)
                }
                Err(failed) => failed.name(),
            };
            *tally.borrow_mut().post_errors.entry(error).or_default() += 1;
            sleep(AGAIN).await;
        }
    }
}

/// A place for the next message; its number.
pub fn next_message(tally: &RefCell<Tally>) -> usize {
    let mut tally = tally.borrow_mut();
    tally.sent.push(Sent { at: Instant::now(), acknowledged: None });
    tally.sent.len() - 1
}

/// The number of the message that this HTML shows.
pub fn message_in(html: &str) -> Option<usize> {
    let (_, after) = html.split_once("[load ")?;
    after.split_once(']')?.0.parse().ok()
}

/// How far a room is, as its page says; none when there is no such room.
///
/// # Errors
/// One line.
pub async fn last_event(address: SocketAddr, room: i64) -> Result<Option<i64>, String> {
    let page = get(address, &format!("/rooms/{room}"), "").await?;
    match page.head.status {
        200 => {
            let last = between(&page.body, "data-last-event=\"", "\"").and_then(|number| number.parse().ok());
            last.map(Some).ok_or_else(|| format!("the page of room {room} does not say how far it is"))
        }
        404 => Ok(None),
        status => Err(format!("the page of room {room}: {status}")),
    }
}

async fn get(address: SocketAddr, path: &str, cookies: &str) -> Result<Answer, String> {
    let request = format!("GET {path} HTTP/1.1\r\nHost: {address}\r\nCookie: {cookies}\r\nConnection: close\r\n\r\n");
    http::ask(address, &request).await.map_err(|failed| format!("{path}: {}", failed.name()))
}

async fn post(address: SocketAddr, path: &str, cookies: &str, token: &str, body: &str) -> Result<Answer, http::Failed> {
    let accept = if token.is_empty() { "text/html" } else { "application/json" };
    let token = if token.is_empty() { String::new() } else { format!("X-CSRF-Token: {token}\r\n") };
    let request = format!(
        "POST {path} HTTP/1.1\r\nHost: {address}\r\nAccept: {accept}\r\nCookie: {cookies}\r\n{token}\
         Content-Type: application/x-www-form-urlencoded\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{body}",
        body.len()
    );
    http::ask(address, &request).await
}

/// `a=1; b=2` of what the answer sets.
fn cookies(answer: &Answer) -> String {
    let set = answer.head.all("set-cookie").filter_map(|cookie| cookie.split(';').next());
    set.collect::<Vec<_>>().join("; ")
}

fn token(page: &Answer) -> Result<&str, String> {
    let token = between(&page.body, "name=\"csrf-token\" content=\"", "\"");
    token.ok_or_else(|| format!("no token on a page that answered {}", page.head.status))
}

fn between<'t>(text: &'t str, before: &str, after: &str) -> Option<&'t str> {
    text.split_once(before)?.1.split_once(after).map(|(found, _)| found)
}

fn form(fields: &[(&str, &str)]) -> String {
    let encode = |value: &str| -> String {
        let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte);
        value.bytes().map(|b| if plain(b) { char::from(b).to_string() } else { format!("%{b:02X}") }).collect()
    };
    fields.iter().map(|(name, value)| format!("{name}={}", encode(value))).collect::<Vec<_>>().join("&")
}
