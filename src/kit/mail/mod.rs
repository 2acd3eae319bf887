//! Mail: what a letter is, and the ways by which it leaves the site. Nothing here is called from a view:
//! letters go through the [outbox](crate::kit::outbox), so that a dead mail server never breaks a page.
//!
//! Django: `django.core.mail` and its backends

mod smtp;

use std::fmt;
use std::io::Write as _;
use std::path::{Path, PathBuf};

use lettre::message::header::{ContentTransferEncoding, ContentType, HeaderName, HeaderValue};
use lettre::message::{Body, Mailbox, MultiPart, SinglePart};
use lettre::{Address, AsyncSmtpTransport, Message, Tokio1Executor};

use crate::kit::config::{Config, MailBackend};
use crate::kit::random;

/// One letter, ready to go.
///
/// Django: `EmailMultiAlternatives`
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mail {
    /// The address of who gets it.
    pub to: String,
    /// One line.
    pub subject: String,
    /// For readers without HTML.
    pub text: String,
    /// For the others.
    pub html: String,
}

/// Why a letter did not leave.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SendError {
    /// Whether it is of no use to try again: the address is none, the server will never take it.
    pub is_final: bool,
    /// For the log and for whoever runs the site.
    pub told: String,
}

impl SendError {
    fn for_ever(told: impl fmt::Display) -> Self {
        Self { is_final: true, told: told.to_string() }
    }

    fn for_now(told: impl fmt::Display) -> Self {
        Self { is_final: false, told: told.to_string() }
    }
}

impl fmt::Display for SendError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.told)
    }
}

impl std::error::Error for SendError {}

/// Whether a letter could be sent to this address, as far as its form tells.
pub fn is_address(text: &str) -> bool {
    text.parse::<Address>().is_ok()
}

/// A way by which mail leaves the site. Cheap to clone.
///
/// Django: `EMAIL_BACKEND`
#[derive(Clone)]
pub struct Mailer {
    way: Way,
    from: Mailbox,
}

#[derive(Clone)]
enum Way {
    Console,
    Folder(PathBuf),
    Smtp(AsyncSmtpTransport<Tokio1Executor>),
}

impl Mailer {
    /// As it is configured; none when it is not.
    ///
    /// # Errors
    /// One line: the sender, folder or certificates that cannot be used.
    pub fn new(config: &Config) -> Result<Option<Self>, String> {
        let mail = &config.mail;
        let Some(backend) = mail.backend else { return Ok(None) };
        let address: Address = mail.from.parse().map_err(|error| format!("mail.from {:?}: {error}", mail.from))?;
        let way = match backend {
            MailBackend::Console => Way::Console,
            MailBackend::File => Way::Folder(folder(&mail.file_dir)?),
            MailBackend::Smtp => Way::Smtp(smtp::transport(&mail.smtp, &config.site_url)?),
        };
        Ok(Some(Self { way, from: Mailbox::new(None, address) }))
    }

    /// Where it goes, in words.
    pub fn describe(&self) -> String {
        match &self.way {
            Way::Console => "the console".into(),
            Way::Folder(folder) => format!("the folder {}", folder.display()),
            Way::Smtp(_) => "the mail server".into(),
        }
    }

    /// Sends one letter, from a sender of this name. After half a minute it is given up for this time, however a slow server
    /// goes on, and nothing of it is under way any more. `id` is the same at each try, so that a reader may know a letter
    /// that came twice.
    ///
    /// # Errors
    /// [`SendError`]
    pub async fn send(&self, mail: &Mail, sender_name: &str, id: &str) -> Result<(), SendError> {
        let message = self.message(mail, sender_name, id)?;
        match &self.way {
            Way::Console => {
                // One write, so that nothing comes between its lines.
                let lines = format!("--- mail to {}: {}\n{}\n---\n", mail.to, mail.subject, mail.text.trim_end());
                std::io::stderr().lock().write_all(lines.as_bytes()).map_err(SendError::for_now)
            }
            Way::Folder(folder) => write(folder, &message.formatted()).map_err(SendError::for_now),
            Way::Smtp(transport) => smtp::send(transport, message).await,
        }
    }

    fn message(&self, mail: &Mail, sender_name: &str, id: &str) -> Result<Message, SendError> {
        let to: Address = mail.to.parse().map_err(|error| SendError::for_ever(format!("{:?}: {error}", mail.to)))?;
        let from = Mailbox::new(Some(one_line(sender_name)), self.from.email.clone());
        // Nobody is away, and nobody answers: other programs leave such letters alone.
        let automatic = HeaderValue::new(HeaderName::new_from_ascii_str("Auto-Submitted"), "auto-generated".into());
        Message::builder()
            .message_id(Some(format!("<{id}@{}>", self.from.email.domain())))
            .from(from)
            .to(Mailbox::new(None, to))
            .subject(one_line(&mail.subject))
            .date_now()
            .raw_header(automatic)
            .multipart(
                MultiPart::alternative()
                    .singlepart(self.part(ContentType::TEXT_PLAIN, &mail.text))
                    .singlepart(self.part(ContentType::TEXT_HTML, &mail.html)),
            )
            .map_err(SendError::for_ever)
    }

    /// A part whose lines stay as they are, so that a link can be copied from the message as it travels or lies in a folder.
    /// Only what SMTP does not carry is encoded: other letters than ASCII, and lines that a server would have to break.
    fn part(&self, kind: ContentType, body: &str) -> SinglePart {
        let encoding = match &self.way {
            Way::Console | Way::Folder(_) => ContentTransferEncoding::EightBit,
            Way::Smtp(_) if body.is_ascii() && body.lines().all(|line| line.len() <= LONGEST_LINE) => {
                ContentTransferEncoding::SevenBit
            }
            Way::Smtp(_) => {
                return SinglePart::builder()
                    .header(kind)
                    .header(ContentTransferEncoding::QuotedPrintable)
                    .body(body.to_owned());
            }
        };
        // lettre itself calls lines of more than 76 bytes too long for these encodings.
        let lines: String = body.lines().flat_map(|line| [line, "\r\n"]).collect();
        SinglePart::builder().header(kind).body(Body::dangerous_pre_encoded(lines.into_bytes(), encoding))
    }
}

/// Bytes of a line that every mail server takes (RFC 5322, 2.1.1).
const LONGEST_LINE: usize = 998;

/// A header is one line, whatever stands in the name of a site or person.
fn one_line(text: &str) -> String {
    text.split(|c: char| c.is_control() || c.is_whitespace())
        .filter(|part| !part.is_empty())
        .collect::<Vec<_>>()
        .join(" ")
}

fn folder(path: &Path) -> Result<PathBuf, String> {
    let mut builder = std::fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    let told = |error| format!("mail.file_dir {}: {error}; make the folder writable or set another", path.display());
    builder.create(path).map_err(told)?;
    Ok(path.to_owned())
}

/// Written under another name first: whoever looks sees whole letters only.
fn write(folder: &Path, message: &[u8]) -> std::io::Result<()> {
    let name = format!("{}-{}", chrono::Utc::now().format("%Y%m%dT%H%M%S%.6f"), random::token(6));
    let (draft, whole) = (folder.join(format!(".{name}")), folder.join(format!("{name}.eml")));
    let mut options = std::fs::OpenOptions::new();
    options.write(true).create_new(true);
    // Links that let somebody in stand in it.
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(&draft)?.write_all(message)?;
    std::fs::rename(draft, whole)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mailer(way: Way) -> Mailer {
        Mailer { way, from: "noreply@example.org".parse().unwrap() }
    }

    fn letter(to: &str) -> Mail {
        Mail {
            to: to.into(),
            subject: "नमस्ते\r\nBcc: x@example.org".into(),
            text: "hello".into(),
            html: "<p>hello".into(),
        }
    }

    #[tokio::test]
    async fn a_letter_in_a_folder_is_whole_and_its_headers_are_one_line_each() {
        let folder = tempfile::tempdir().unwrap();
        let mailer = mailer(Way::Folder(folder.path().into()));
        mailer.send(&letter("asha@example.org"), "The \"Neem\" Tree\r\nX-Evil: 1", "7.abc").await.unwrap();
        let paths: Vec<_> = std::fs::read_dir(folder.path()).unwrap().map(|entry| entry.unwrap().path()).collect();
        assert_eq!(paths.len(), 1);
        assert_eq!(paths[0].extension().unwrap(), "eml");
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt;
            assert_eq!(paths[0].metadata().unwrap().permissions().mode() & 0o777, 0o600);
        }
        let text = std::fs::read_to_string(&paths[0]).unwrap();
        let head = text.split("\r\n\r\n").next().unwrap();
        for line in ["Message-ID: <7.abc@example.org>", "To: asha@example.org", "Auto-Submitted: auto-generated"] {
            assert!(head.contains(line), "{head}");
        }
        assert!(!head.lines().any(|line| line.starts_with("Bcc:") || line.starts_with("X-Evil:")), "{head}");
        assert!(text.contains("text/plain") && text.contains("text/html"));
    }

    #[tokio::test]
    async fn link_is_whole_on_one_line_of_the_file() {
        let folder = tempfile::tempdir().unwrap();
        let mailer = mailer(Way::Folder(folder.path().into()));
        let link = format!("https://square.example.org/password-reset/7/{}", "k3=".repeat(60));
        let (text, html) = (format!("नमस्ते!\n\n{link}\n"), format!("<p>नमस्ते <a href=\"{link}\">x</a>"));
        mailer.send(&Mail { text, html, ..letter("asha@example.org") }, "", "1").await.unwrap();
        let path = std::fs::read_dir(folder.path()).unwrap().next().unwrap().unwrap().path();
        let written = std::fs::read_to_string(path).unwrap();
        assert_eq!(written.lines().filter(|line| line.contains(&link)).count(), 2, "{written}");
        assert!(written.contains("Content-Transfer-Encoding: 8bit"), "{written}");
    }

    #[test]
    fn ascii_goes_by_smtp_as_it_is_and_the_rest_is_encoded() {
        let smtp = smtp::transport(&crate::kit::config::Smtp::default(), "http://localhost").unwrap();
        let mailer = mailer(Way::Smtp(smtp));
        let encoding = |body: &str| String::from_utf8(mailer.part(ContentType::TEXT_PLAIN, body).formatted()).unwrap();
        let link = format!("https://square.example.org/{}", "k3=".repeat(60));
        assert!(encoding(&link).contains("Transfer-Encoding: 7bit") && encoding(&link).contains(&link));
        assert!(encoding("é").contains("quoted-printable"));
        assert!(encoding(&"x".repeat(998)).contains("7bit") && encoding(&"x".repeat(999)).contains("quoted-printable"));
    }

    #[tokio::test]
    async fn an_address_that_is_none_is_no_reason_to_try_again() {
        let folder = tempfile::tempdir().unwrap();
        let mailer = mailer(Way::Folder(folder.path().into()));
        for to in ["", "asha", "asha@example.org\r\nBcc: x@example.org", "a b@example.org"] {
            assert!(mailer.send(&letter(to), "", "1").await.unwrap_err().is_final, "{to:?}");
        }
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
    }

    #[tokio::test]
    async fn a_folder_that_is_gone_may_come_back() {
        let mailer = mailer(Way::Folder("/nonexistent/mail".into()));
        assert!(!mailer.send(&letter("asha@example.org"), "", "1").await.unwrap_err().is_final);
    }
}
