//! The way to a mail server.

use std::error::Error as _;
use std::time::Duration;

use lettre::transport::smtp::Error;
use lettre::transport::smtp::authentication::Credentials;
use lettre::transport::smtp::client::{Certificate, Tls, TlsParameters};
use lettre::transport::smtp::extension::ClientId;
use lettre::{AsyncSmtpTransport, AsyncTransport as _, Message, Tokio1Executor};

use super::SendError;
use crate::kit::config::{Smtp, SmtpSecurity, read_text};

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
    let mut builder = AsyncSmtpTransport::<Tokio1Executor>::builder_dangerous(smtp.host())
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
    let mut builder = TlsParameters::builder(smtp.host().to_owned());
    if let Some(path) = &smtp.ca_file {
        let told = |error: &dyn std::fmt::Display| format!("mail.smtp.ca_file {}: {error}", path.display());
        let pem = read_text(path).map_err(|error| told(&error))?;
        // What is no certificate is passed over, so a file of keys would add nothing without a word.
        if !pem.contains("-----BEGIN CERTIFICATE-----") {
            return Err(told(&"no certificate stands in it"));
        }
        builder = builder.add_root_certificate(Certificate::from_pem(pem.as_bytes()).map_err(|error| told(&error))?);
    }
    builder.build().map_err(|error| format!("mail.smtp.host {:?}: {error}", smtp.host))
}

/// The name in EHLO: the site's domain, or an address literal (RFC 5321, 4.1.3). Servers refuse names that are no domain.
fn hello(site_url: &str) -> ClientId {
    let authority = site_url.split("://").nth(1).unwrap_or_default().split('/').next().unwrap_or_default();
    let without_port = authority.rsplit_once(':').map_or(authority, |(host, _)| host);
    let ipv6 = |text: &str| text.strip_prefix('[')?.strip_suffix(']')?.parse().ok();
    if let Some(address) = ipv6(authority).or_else(|| ipv6(without_port)) {
        return ClientId::Ipv6(address);
    }
    match without_port.parse() {
        Ok(address) => ClientId::Ipv4(address),
        Err(_) if without_port.contains('.') => ClientId::Domain(without_port.to_owned()),
        Err(_) => ClientId::Ipv4(std::net::Ipv4Addr::LOCALHOST),
    }
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
    let told = match about_certificate(&told) {
        Some(advice) => advice.to_owned(),
        None => told.split_whitespace().collect::<Vec<_>>().join(" ").chars().take(300).collect(),
    };
    SendError { is_final: error.is_permanent() && !is_login, told }
}

/// What is wrong with a server's certificate and which one is needed; by the words of rustls, which names its errors
/// after the fault and prints the certificate's parts with them.
fn about_certificate(told: &str) -> Option<&'static str> {
    const ADVICE: [(&str, &str); 8] = [
        (
            "CaUsedAsEndEntity",
            "the mail server's certificate is an authority's own (CA:TRUE), as a self-signed one often is: it needs one \
             with CA:FALSE and its name as subjectAltName, and mail.smtp.ca_file the certificate that signed it",
        ),
        (
            "UnknownIssuer",
            "the mail server's certificate comes from an authority that is not known here: it needs one of a public \
             authority, or mail.smtp.ca_file the certificate (PEM) of the authority that signed it",
        ),
        (
            "UnsupportedCertVersion",
            "the mail server's certificate has an old form (X.509 version 1): it needs version 3 with its name as \
             subjectAltName",
        ),
        (
            "UnsupportedSignatureAlgorithm",
            "the mail server's certificate is signed in a way that is not supported here: it needs RSA of 2048 bits or \
             more, ECDSA P-256 with SHA-256, ECDSA P-384 with SHA-384, or Ed25519",
        ),
        (
            "not valid for name",
            "the mail server's certificate is for another name: mail.smtp.host must be a name that stands in it as \
             subjectAltName",
        ),
        (
            "NotValidForName",
            "the mail server's certificate is for another name: mail.smtp.host must be a name that stands in it as \
             subjectAltName",
        ),
        ("certificate expired", "the mail server's certificate has expired, or this machine's clock is wrong"),
        (
            "certificate not valid yet",
            "the mail server's certificate is not valid yet, or this machine's clock is wrong",
        ),
    ];
    ADVICE.iter().find(|(fault, _)| told.contains(fault)).map(|(_, advice)| *advice)
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;
    use std::net::TcpListener;

    use super::*;

    #[test]
    fn hello_is_a_domain_or_an_address_literal() {
        for (site_url, expected) in [
            ("https://square.example.org", "square.example.org"),
            ("https://square.example.org:8443", "square.example.org"),
            ("http://localhost:8000", "[127.0.0.1]"),
            ("http://192.0.2.7:8000", "[192.0.2.7]"),
            ("http://[2001:db8::1]:8000", "[IPv6:2001:db8::1]"),
            ("http://[2001:db8::1]", "[IPv6:2001:db8::1]"),
        ] {
            assert_eq!(hello(site_url).to_string(), expected, "{site_url}");
        }
    }

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
