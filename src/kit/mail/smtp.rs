//! The way to a mail server.

use std::error::Error as _;
use std::time::Duration;

use lettre::transport::smtp::Error;
use lettre::transport::smtp::authentication::Credentials;
use lettre::transport::smtp::client::{Certificate, Tls, TlsParameters};
use lettre::transport::smtp::extension::ClientId;
use lettre::{AsyncSmtpTransport, AsyncTransport as _, Message, Tokio1Executor};

use super::SendError;
use crate::kit::config::{Smtp, SmtpSecurity};

/// So long a letter may take, from the first byte to the last: whoever lets his words drip does not get more by that. Less
/// than [a claim](crate::kit::outbox) holds.
const PATIENCE: Duration = Duration::from_secs(30);

/// A transport as it is configured. Nothing is connected before a letter goes.
pub(super) fn transport(smtp: &Smtp, site_url: &str) -> Result<AsyncSmtpTransport<Tokio1Executor>, String> {
    let tls = match smtp.security {
        SmtpSecurity::None => Tls::None,
        SmtpSecurity::Starttls => Tls::Required(parameters(smtp)?),
        SmtpSecurity::Tls => Tls::Wrapper(parameters(smtp)?),
    };
    let mut builder = AsyncSmtpTransport::<Tokio1Executor>::builder_dangerous(&smtp.host)
        .port(smtp.port())
        .tls(tls)
        .timeout(Some(PATIENCE))
        .hello_name(hello(site_url));
    if let (Some(username), Some(password)) = (&smtp.username, &smtp.password) {
        builder = builder.credentials(Credentials::new(username.clone(), password.expose().to_owned()));
    }
    Ok(builder.build())
}

/// Sends it, or gives it up in time: the connection is closed then, so that nothing goes on behind our back.
pub(super) async fn send(transport: &AsyncSmtpTransport<Tokio1Executor>, message: Message) -> Result<(), SendError> {
    send_within(PATIENCE, transport, message).await
}

async fn send_within(
    patience: Duration,
    transport: &AsyncSmtpTransport<Tokio1Executor>,
    message: Message,
) -> Result<(), SendError> {
    match tokio::time::timeout(patience, transport.send(message)).await {
        Ok(Ok(_)) => Ok(()),
        Ok(Err(error)) => Err(explain(&error)),
        Err(_) => Err(SendError::for_now(format!("it did not answer within {} s", patience.as_secs()))),
    }
}

fn parameters(smtp: &Smtp) -> Result<TlsParameters, String> {
    let mut builder = TlsParameters::builder(smtp.host.clone());
    if let Some(path) = &smtp.ca_file {
        let told = |error: &dyn std::fmt::Display| format!("mail.smtp.ca_file {}: {error}", path.display());
        let pem = std::fs::read(path).map_err(|error| told(&error))?;
        // What is no certificate is passed over, so a file of keys would add nothing without a word.
        if !String::from_utf8_lossy(&pem).contains("-----BEGIN CERTIFICATE-----") {
            return Err(told(&"no certificate stands in it"));
        }
        builder = builder.add_root_certificate(Certificate::from_pem(&pem).map_err(|error| told(&error))?);
    }
    builder.build().map_err(|error| format!("mail.smtp.host {:?}: {error}", smtp.host))
}

/// How we introduce ourselves: by the site's host.
fn hello(site_url: &str) -> ClientId {
    let host = site_url.split("://").nth(1).unwrap_or_default();
    let name = host.split(':').next().unwrap_or_default();
    ClientId::Domain(if name.contains(char::is_alphabetic) { name.to_owned() } else { "localhost".to_owned() })
}

/// In words, and whether another try may help. A server's no with a 5 is for ever, but for a log-in that it does
/// not take: that can be mended in the settings.
fn explain(error: &Error) -> SendError {
    let mut told = error.to_string();
    let mut cause = error.source();
    while let Some(inner) = cause {
        // Some say only what the one above them said.
        let inner_told = inner.to_string();
        if !told.ends_with(&inner_told) {
            told = format!("{told}: {inner_told}");
        }
        cause = inner.source();
    }
    let is_login = error.status().is_some_and(|code| matches!(u16::from(code), 530 | 534 | 535 | 538));
    SendError {
        is_final: error.is_permanent() && !is_login,
        told: told.split_whitespace().collect::<Vec<_>>().join(" "),
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;
    use std::net::TcpListener;

    use super::*;

    /// A server that says something all the time and never ends its sentence.
    #[tokio::test]
    async fn who_lets_his_words_drip_gets_no_more_time_and_no_letter() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let server = std::thread::spawn(move || {
            let (mut socket, _) = listener.accept().unwrap();
            socket.write_all(b"220-").unwrap();
            // Until the other side has hung up.
            while socket.write_all(b"x").is_ok() {
                std::thread::sleep(Duration::from_millis(20));
            }
        });
        let smtp = Smtp { host: "127.0.0.1".into(), port: Some(port), security: SmtpSecurity::None, ..Smtp::default() };
        let transport = transport(&smtp, "http://localhost").unwrap();
        let message = Message::builder()
            .from("square@example.org".parse().unwrap())
            .to("asha@example.org".parse().unwrap())
            .body(String::new())
            .unwrap();
        let begun = std::time::Instant::now();
        let error = send_within(Duration::from_secs(1), &transport, message).await.unwrap_err();
        assert!(begun.elapsed() < Duration::from_secs(5));
        assert_eq!((error.is_final, error.told.as_str()), (false, "it did not answer within 1 s"));
        server.join().unwrap();
    }
}
