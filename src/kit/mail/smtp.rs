//! The way to a mail server.

use std::error::Error as _;
use std::time::Duration;

use lettre::SmtpTransport;
use lettre::transport::smtp::Error;
use lettre::transport::smtp::authentication::Credentials;
use lettre::transport::smtp::client::{Certificate, Tls, TlsParameters};
use lettre::transport::smtp::extension::ClientId;

use super::SendError;
use crate::kit::config::{Smtp, SmtpSecurity};

/// A server that says nothing for so long is given up, for this time.
const PATIENCE: Duration = Duration::from_secs(20);

/// A transport as it is configured. Nothing is connected before a letter goes.
pub(super) fn transport(smtp: &Smtp, site_url: &str) -> Result<SmtpTransport, String> {
    let tls = match smtp.security {
        SmtpSecurity::None => Tls::None,
        SmtpSecurity::Starttls => Tls::Required(parameters(smtp)?),
        SmtpSecurity::Tls => Tls::Wrapper(parameters(smtp)?),
    };
    let mut builder = SmtpTransport::builder_dangerous(&smtp.host)
        .port(smtp.port())
        .tls(tls)
        .timeout(Some(PATIENCE))
        .hello_name(hello(site_url));
    if let (Some(username), Some(password)) = (&smtp.username, &smtp.password) {
        builder = builder.credentials(Credentials::new(username.clone(), password.expose().to_owned()));
    }
    Ok(builder.build())
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
pub(super) fn explain(error: &Error) -> SendError {
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
