//! `check --url`: asks the running site through its public address.

use std::error::Error as _;
use std::time::Duration;

use diesel::prelude::*;
use reqwest::header::{CONTENT_TYPE, LOCATION};
use reqwest::{Client, Response};
use rocket::tokio::runtime::Runtime;
use rocket::tokio::time::timeout;
use url::{Host, Url};

use super::Context;
use super::check::{Finding, error, warning};
use crate::accounts::site_check::{CheckKey, HEADER, SeenRequest};
use crate::kit::config::secret_key;
use crate::schema::rooms;

/// Time for one answer.
const PATIENCE: Duration = Duration::from_secs(15);

/// Time for the first event of a stream, which is sent at once.
const FIRST_EVENT: Duration = Duration::from_secs(5);

/// Asks the site at `address`, or at `site_url`.
pub fn ask(context: &Context, address: Option<&str>, findings: &mut Vec<Finding>) {
    let address = address.unwrap_or(&context.loaded.config.site_url);
    let url = Url::parse(address).ok().filter(|url| matches!(url.scheme(), "http" | "https") && url.has_host());
    let Some(url) = url else {
        return error(findings, "url.address", format!("{address:?} is no address such as https://chat.example.org"));
    };
    let asked = Client::builder()
        .redirect(reqwest::redirect::Policy::none())
        .timeout(PATIENCE)
        .no_proxy()
        .build()
        .map_err(|reason| explain(&reason))
        .and_then(|client| Ok((client, Runtime::new().map_err(|reason| reason.to_string())?)));
    match asked {
        Ok((client, runtime)) => runtime.block_on(Check { context, client, url, findings }.run()),
        Err(reason) => error(findings, "url.unreachable", reason),
    }
}

struct Check<'c> {
    context: &'c Context,
    client: Client,
    url: Url,
    findings: &'c mut Vec<Finding>,
}

impl Check<'_> {
    async fn run(mut self) {
        let Some(seen) = self.seen().await else { return };
        self.compare_origin(&seen);
        self.compare_client(&seen);
        self.try_large_body().await;
        self.try_stream().await;
    }

    fn at(&self, path: &str) -> Url {
        let mut url = self.url.clone();
        url.set_path(path);
        url
    }

    fn origin(&self) -> String {
        self.url.origin().ascii_serialization()
    }

    /// What the server saw of a request, if it is this site that answers.
    async fn seen(&mut self) -> Option<SeenRequest> {
        let key = match secret_key(&self.context.loaded.config) {
            Ok(key) => CheckKey(key.derive("check")),
            Err(reason) => {
                error(self.findings, "settings.secret_key", reason.to_string());
                return None;
            }
        };
        let header = key.sign(chrono::Utc::now().timestamp())?;
        let origin = self.origin();
        let answer = match self.client.get(self.at("/healthz")).header(HEADER, header).send().await {
            Ok(answer) => answer,
            Err(reason) => {
                let words = explain(&reason);
                let is_tls = words.contains("certificate") || words.contains("TLS");
                let id = if is_tls { "url.tls" } else { "url.unreachable" };
                error(self.findings, id, format!("{origin} cannot be reached: {words}"));
                return None;
            }
        };
        let status = answer.status();
        if status.is_redirection() {
            let to = answer.headers().get(LOCATION).and_then(|to| to.to_str().ok()).unwrap_or("another address");
            let text =
                format!("{origin} redirects to {to:?}: set site_url to the address where the site itself answers");
            error(self.findings, "url.redirect", text);
            return None;
        }
        match answer.bytes().await.ok().and_then(|body| serde_json::from_slice(&body).ok()) {
            Some(seen) => Some(seen),
            None => {
                let text = format!(
                    "{origin} answers {status}, but it is not this site: another program answers there, or a server with \
                     another secret key"
                );
                error(self.findings, "url.other_site", text);
                None
            }
        }
    }

    /// Whether forms of pages at this address are accepted, and whether links lead here.
    fn compare_origin(&mut self, seen: &SeenRequest) {
        let origin = self.origin();
        if origin == seen.site_url {
            return;
        }
        let authority = origin.split("://").nth(1).unwrap_or_default();
        let usual = if self.url.scheme() == "https" { ":443" } else { ":80" };
        let host = seen.host.clone().unwrap_or_default();
        if host.strip_suffix(usual).unwrap_or(&host) == authority {
            let text = format!("site_url is {}: links in emails do not lead to {origin}", seen.site_url);
            return warning(self.findings, "url.site_url", text);
        }
        let text = format!(
            "forms sent at {origin} are refused: site_url is {}, and the proxy passes {host:?} on as Host; set site_url to \
             {origin}, or let the proxy pass Host on with its port",
            seen.site_url
        );
        error(self.findings, "url.origin", text);
    }

    /// Whether the throttles can tell clients apart.
    fn compare_client(&mut self, seen: &SeenRequest) {
        let header = &self.context.loaded.config.proxy.header;
        if seen.is_forwarded && seen.client == seen.peer {
            let text = format!(
                "the proxy at {} is not believed: all visitors share one address and its limits; add it to proxy.trusted",
                seen.peer
            );
            return warning(self.findings, "url.client", text);
        }
        let is_loopback = match self.url.host() {
            Some(Host::Ipv4(address)) => address.is_loopback(),
            Some(Host::Ipv6(address)) => address.is_loopback(),
            Some(Host::Domain(name)) => name == "localhost",
            None => false,
        };
        let from_loopback = seen.peer.parse::<std::net::IpAddr>().is_ok_and(|peer| peer.is_loopback());
        if !seen.is_forwarded && from_loopback && !is_loopback {
            let text = format!(
                "requests come from {} without {header}: all visitors share one address and its limits; let the proxy send \
                 {header} and set proxy.trusted",
                seen.peer
            );
            warning(self.findings, "url.client", text);
        }
    }

    /// Whether a proxy refuses what the site accepts. Answers of the site carry the request's id.
    async fn try_large_body(&mut self) {
        let bytes = self.context.loaded.config.media.max_bytes;
        let body = vec![b'x'; usize::try_from(bytes).unwrap_or_default()];
        let request = self.client.post(self.at("/login")).header(CONTENT_TYPE, "application/octet-stream").body(body);
        // The site itself may close before all is sent, which says nothing of the proxy.
        let Ok(answer) = request.send().await else { return };
        if answer.status() == 413 && !is_of_the_site(&answer) {
            let text = format!(
                "the proxy refuses images of media.max_bytes ({bytes} bytes): raise its limit (nginx: client_max_body_size)"
            );
            error(self.findings, "url.body_size", text);
        }
    }

    /// Whether live events pass at once. Without a room that anybody may read there is nothing to listen to.
    async fn try_stream(&mut self) {
        let Ok(mut conn) = self.context.connect() else { return };
        let room = rooms::table.select(rooms::id).order(rooms::id).first::<i64>(&mut conn).optional();
        let Ok(Some(room)) = room else { return };
        let mut is_stream = true;
        let first = async {
            let mut answer = self.client.get(self.at(&format!("/rooms/{room}/events"))).send().await.ok()?;
            is_stream = answer.status() == 200;
            answer.chunk().await.ok()?
        };
        let came = timeout(FIRST_EVENT, first).await.is_ok();
        if is_stream && !came {
            let text = "live events do not pass: the proxy holds them back; switch its buffering off for this site";
            warning(self.findings, "url.stream", text);
        }
    }
}

fn is_of_the_site(answer: &Response) -> bool {
    answer.headers().contains_key("x-request-id")
}

/// The error with its causes, which say what it was about.
fn explain(reason: &reqwest::Error) -> String {
    let mut words = reason.to_string();
    let mut cause = reason.source();
    while let Some(next) = cause {
        words = format!("{words}: {next}");
        cause = next.source();
    }
    super::one_line(&words)
}
