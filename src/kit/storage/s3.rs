//! Media in a bucket of an S3 server: Amazon's, or Garage, MinIO, Ceph and others that speak as it does.
//!
//! Django: `storages.backends.s3.S3Storage`

use std::error::Error as _;
use std::io;
use std::ops::Range;
use std::time::Duration;

use ::s3::command::Command;
use ::s3::creds::Credentials;
use ::s3::request::Request as _;
use ::s3::request::tokio_backend::ReqwestRequest;
use ::s3::serde_types::ListBucketResult;
use ::s3::{Bucket, Region};
use reqwest::header::{CONTENT_LENGTH, CONTENT_RANGE, HeaderName};
use reqwest::{Method, Response, redirect};
use rocket::futures::TryStreamExt;
use rocket::tokio::time::sleep;
use tokio_util::io::StreamReader;

use super::{Name, Object, Storage, StorageError};
use crate::kit::config::MediaS3;
use crate::kit::db::is_unseen;

/// Time for a request until its answer begins.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(20);

/// Time for an object's whole body: a client with a slow line fetches an image through us.
const DOWNLOAD_TIMEOUT: Duration = Duration::from_secs(600);

/// Pauses before each further attempt.
const RETRY_BACKOFF: [Duration; 2] = [Duration::from_millis(200), Duration::from_millis(1000)];

/// Maximum bytes read of an error's body, and of a page of a listing (1,000 objects).
const MAX_ERROR_BODY: usize = 16 * 1024;
const MAX_LISTING_BODY: usize = 4 * 1024 * 1024;

/// A bucket. rust-s3 builds and signs each request; it is sent by a client of ours, because the one of rust-s3 follows
/// redirects to any host and reads errors of any length into memory.
pub struct S3 {
    bucket: Bucket,
    client: reqwest::Client,
    timeout: Duration,
    /// Precedes each name, with its slash.
    prefix: String,
    /// Where the server is, for messages.
    place: String,
}

/// Why a request failed.
enum Failure {
    /// A status that is no success, and the beginning of its body.
    Status(u16, String),
    /// No answer.
    Http(reqwest::Error),
    /// An answer that is not S3's, or a request that cannot be built.
    Other(String),
}

impl From<reqwest::Error> for Failure {
    fn from(error: reqwest::Error) -> Self {
        Self::Http(error)
    }
}

impl From<::s3::error::S3Error> for Failure {
    fn from(error: ::s3::error::S3Error) -> Self {
        Self::Other(error.to_string())
    }
}

impl S3 {
    /// Opens the bucket without a request.
    ///
    /// # Errors
    /// One line: the setting that cannot be used.
    pub fn open(settings: &MediaS3) -> Result<Self, String> {
        let secret = settings.secret_key.as_ref().map(|key| key.expose());
        let credentials = Credentials::new(Some(&settings.access_key), secret, None, None, None)
            .map_err(|e| format!("media.s3.access_key and media.s3.secret_key cannot be used: {e}"))?;
        let unusable =
            |reason: &dyn std::fmt::Display| format!("media.s3 cannot be used: {}", one_line(&reason.to_string()));
        let mut bucket =
            Bucket::new(&settings.bucket, region(settings)?, credentials).map_err(|error| unusable(&error))?;
        if settings.path_style() {
            bucket.set_path_style();
        }
        let client = reqwest::Client::builder().redirect(redirect::Policy::none()).build();
        let client = client.map_err(|error| unusable(&error))?;
        let place = format!("{} (bucket {})", bucket.url(), settings.bucket);
        let prefix = match settings.prefix.trim_matches('/') {
            "" => String::new(),
            prefix => format!("{prefix}/"),
        };
        Ok(Self { bucket: *bucket, client, timeout: REQUEST_TIMEOUT, prefix, place })
    }

    /// The same bucket with another time-out for requests.
    pub fn with_timeout(mut self, timeout: Duration) -> Self {
        self.timeout = timeout;
        self
    }

    fn key(&self, name: &Name) -> String {
        format!("{}{name}", self.prefix)
    }

    /// Sends a request; the error is explained.
    async fn send(&self, key: &str, command: Command<'_>) -> Result<Response, StorageError> {
        self.attempts(key, command).await.map_err(|failure| self.explain(&failure))
    }

    /// Repeats a request after a pause while the server is busy or cannot be reached. Each of ours may be repeated.
    async fn attempts(&self, key: &str, command: Command<'_>) -> Result<Response, Failure> {
        for pause in RETRY_BACKOFF {
            match self.attempt(key, command.clone()).await {
                Err(failure) if failure.is_temporary() => sleep(pause).await,
                outcome => return outcome,
            }
        }
        self.attempt(key, command).await
    }

    async fn attempt(&self, key: &str, command: Command<'_>) -> Result<Response, Failure> {
        let method = match command {
            Command::HeadObject => Method::HEAD,
            Command::PutObject { .. } => Method::PUT,
            Command::DeleteObject => Method::DELETE,
            _ => Method::GET,
        };
        let signed = ReqwestRequest::new(&self.bucket, key, command).await?;
        let mut request = self.client.request(method, signed.url()?.as_str()).timeout(DOWNLOAD_TIMEOUT);
        for (name, value) in &signed.headers().await? {
            request = request.header(name, value);
        }
        let sent = request.body(signed.request_body()?).send();
        let late = |_| Failure::Other(TOO_SLOW.into());
        let response = rocket::tokio::time::timeout(self.timeout, sent).await.map_err(late)??;
        if response.status().is_success() {
            return Ok(response);
        }
        let status = response.status().as_u16();
        // A body that does not end, or does not come, is cut off: the status says enough.
        let body = rocket::tokio::time::timeout(self.timeout, beginning(response, MAX_ERROR_BODY)).await;
        Err(Failure::Status(status, body.map(|(body, _)| body).unwrap_or_default()))
    }

    /// One page of the objects below the prefix.
    async fn page(&self, token: Option<String>, limit: Option<usize>) -> Result<ListBucketResult, StorageError> {
        let (prefix, max_keys) = (self.prefix.clone(), limit);
        let command =
            Command::ListObjectsV2 { prefix, delimiter: None, continuation_token: token, start_after: None, max_keys };
        let response = self.send("/", command).await?;
        let read = rocket::tokio::time::timeout(self.timeout, beginning(response, MAX_LISTING_BODY)).await;
        let (body, is_whole) = read.map_err(|_| self.explain(&Failure::Other(TOO_SLOW.into())))?;
        match quick_xml::de::from_str(&body) {
            Ok(page) if is_whole => Ok(page),
            _ => {
                Err(self
                    .explain(&Failure::Other("its listing cannot be read: is media.s3.endpoint an S3 server?".into())))
            }
        }
    }

    /// What happened and what may help, for the operator.
    fn explain(&self, failure: &Failure) -> StorageError {
        let words = match failure {
            Failure::Status(status, body) => {
                let (code, message) = (tag(body, "Code"), tag(body, "Message"));
                // The answer to HEAD has no body.
                if *status == 404 && matches!(code, "" | "NoSuchKey") {
                    return StorageError::NotFound;
                }
                let advice = advice(*status, code, message, tag(body, "Region"));
                let said = one_line(if message.is_empty() { code } else { message });
                let words = match said.is_empty() {
                    true => format!("{advice} (status {status})"),
                    false => format!("{advice} (status {status}, \"{said}\")"),
                };
                if *status == 403 && code == "AccessDenied" && advice == DENIED {
                    return StorageError::Forbidden(format!("S3 at {}: {words}", self.place));
                }
                words
            }
            Failure::Http(error) => {
                let mut reason = error.to_string();
                let mut source = error.source();
                while let Some(inner) = source {
                    reason = inner.to_string();
                    source = inner.source();
                }
                let about_tls = reason.to_lowercase();
                let advice = if error.is_timeout() {
                    TOO_SLOW
                } else if ["certificate", "tls", "handshake", "invalidcontenttype"]
                    .iter()
                    .any(|word| about_tls.contains(word))
                {
                    "TLS failed: the server's certificate is not trusted, or it does not speak TLS at this port"
                } else if error.is_connect() {
                    "the server cannot be reached: is media.s3.endpoint right, and is the server up?"
                } else {
                    "the connection broke"
                };
                format!("{advice} ({})", one_line(&reason))
            }
            Failure::Other(reason) => one_line(reason),
        };
        StorageError::Trouble(format!("S3 at {}: {words}", self.place))
    }
}

impl Failure {
    /// Whether another attempt may succeed. A server that used up the time-out gets none.
    fn is_temporary(&self) -> bool {
        match self {
            Self::Status(status, _) => matches!(status, 408 | 429 | 500 | 502 | 503 | 504),
            Self::Http(error) => !error.is_builder() && !error.is_timeout(),
            Self::Other(_) => false,
        }
    }
}

/// The first bytes of a body as text, and whether they are all of it.
async fn beginning(mut response: Response, limit: usize) -> (String, bool) {
    let mut body = Vec::new();
    let is_whole = loop {
        match response.chunk().await {
            Ok(Some(chunk)) if body.len() + chunk.len() <= limit => body.extend_from_slice(&chunk),
            Ok(None) => break true,
            _ => break false,
        }
    };
    (String::from_utf8_lossy(&body).into_owned(), is_whole)
}

/// A header that is a number of bytes.
fn length(response: &Response) -> Option<u64> {
    header(response, &CONTENT_LENGTH)?.parse().ok()
}

fn header<'r>(response: &'r Response, name: &HeaderName) -> Option<&'r str> {
    response.headers().get(name)?.to_str().ok()
}

#[rocket::async_trait]
impl Storage for S3 {
    async fn put(&self, name: &Name, content: &[u8]) -> Result<(), StorageError> {
        let content_type = content_type(name);
        let command = Command::PutObject { content, content_type, custom_headers: None, multipart: None };
        self.send(&self.key(name), command).await.map(drop)
    }

    async fn get(&self, name: &Name, range: Option<Range<u64>>) -> Result<Object, StorageError> {
        if range.as_ref().is_some_and(Range::is_empty) {
            let size = self.size(name).await?.ok_or(StorageError::NotFound)?;
            return Ok(Object { size, body: Box::pin(rocket::tokio::io::empty()) });
        }
        let command = match &range {
            Some(range) => Command::GetObjectRange { start: range.start, end: Some(range.end - 1) },
            None => Command::GetObject,
        };
        let response = self.send(&self.key(name), command).await?;
        let unusable = |words: &str| self.explain(&Failure::Other(words.into()));
        let size = match &range {
            // Some servers do not know ranges, and would send other bytes than those asked for.
            Some(range) => header(&response, &CONTENT_RANGE)
                .and_then(|value| value.strip_prefix(&format!("bytes {}-{}/", range.start, range.end - 1)))
                .filter(|_| response.status().as_u16() == 206)
                .and_then(|size| size.parse().ok())
                .ok_or_else(|| unusable("it does not serve parts of objects"))?,
            None => length(&response).ok_or_else(|| unusable("it does not say how large its objects are"))?,
        };
        Ok(Object { size, body: Box::pin(StreamReader::new(response.bytes_stream().map_err(io::Error::other))) })
    }

    async fn size(&self, name: &Name) -> Result<Option<u64>, StorageError> {
        match self.attempts(&self.key(name), Command::HeadObject).await {
            Ok(response) if length(&response).is_some() => return Ok(length(&response)),
            // An answer to HEAD has no body, so that a wrong key, a wrong bucket and a missing object look the same; and
            // some servers leave the length out. GET tells.
            Ok(_) | Err(Failure::Status(300..500, _)) => {}
            Err(failure) => return Err(self.explain(&failure)),
        }
        match self.get(name, None).await {
            Ok(object) => Ok(Some(object.size)),
            Err(StorageError::NotFound) => Ok(None),
            Err(error) => Err(error),
        }
    }

    async fn delete(&self, name: &Name) -> Result<(), StorageError> {
        match self.send(&self.key(name), Command::DeleteObject).await {
            Ok(_) | Err(StorageError::NotFound) => Ok(()),
            Err(error) => Err(error),
        }
    }

    async fn list(&self) -> Result<Vec<(Name, u64)>, StorageError> {
        let (mut found, mut token) = (Vec::new(), None);
        loop {
            let page = self.page(token.take(), None).await?;
            found.extend(
                page.contents
                    .into_iter()
                    .filter_map(|object| Some((Name::new(object.key.strip_prefix(&self.prefix)?)?, object.size))),
            );
            match page.next_continuation_token.filter(|_| page.is_truncated) {
                Some(next) => token = Some(next),
                None => break,
            }
        }
        found.sort();
        Ok(found)
    }

    async fn check(&self) -> Result<(), StorageError> {
        self.page(None, Some(1)).await.map(drop)
    }
}

/// Whether the region is one, without asking anybody.
///
/// # Errors
/// One line.
pub fn check_region(settings: &MediaS3) -> Result<(), String> {
    region(settings).map(drop)
}

/// Of an own server, or of Amazon's by its name.
fn region(settings: &MediaS3) -> Result<Region, String> {
    if let Some(endpoint) = &settings.endpoint {
        return Ok(Region::Custom { region: settings.region().to_owned(), endpoint: endpoint.clone() });
    }
    match settings.region().parse() {
        Ok(Region::Custom { .. }) | Err(_) => Err(format!(
            "media.s3.region: \"{}\" is no region of Amazon's; an own server needs media.s3.endpoint, too",
            settings.region()
        )),
        Ok(region) => Ok(region),
    }
}

const TOO_SLOW: &str = "the server takes too long to answer";
const DENIED: &str = "it refuses: the key of media.s3 may not do this in this bucket";

fn advice(status: u16, code: &str, message: &str, region: &str) -> String {
    let says = |word: &str| message.to_lowercase().contains(word);
    match (status, code) {
        (_, "InvalidAccessKeyId" | "NotSignedUp") => "it does not know media.s3.access_key".into(),
        (403, _) if says("no such key") || says("access key") => "it does not know media.s3.access_key".into(),
        (_, "SignatureDoesNotMatch") => "it refuses the signature: media.s3.secret_key is wrong".into(),
        (403, _) if says("signature") => "it refuses the signature: media.s3.secret_key is wrong".into(),
        (_, "RequestTimeTooSkewed" | "RequestExpired") => {
            "this machine's clock differs from the server's: set it right".into()
        }
        (_, "NoSuchBucket") => "there is no such bucket: is media.s3.bucket right?".into(),
        (
            _,
            "AuthorizationHeaderMalformed"
            | "IllegalLocationConstraintException"
            | "PermanentRedirect"
            | "TemporaryRedirect",
        )
        | (301 | 307, _) => match region {
            "" => "the bucket is in another region: is media.s3.region right?".into(),
            region => format!("the bucket is in another region: set media.s3.region to \"{region}\""),
        },
        (400, _) if says("region") || says("scope") => {
            "the bucket is in another region: is media.s3.region right?".into()
        }
        (403, _) => DENIED.into(),
        (404, _) => "there is no such bucket: are media.s3.bucket and media.s3.path_style right?".into(),
        (300..400, _) => "it redirects to another address: is media.s3.endpoint the server's own?".into(),
        (405 | 501, _) => "it cannot do this: is media.s3.endpoint an S3 server?".into(),
        (429 | 503, _) => "it is too busy".into(),
        (507, _) => "it is full".into(),
        (500.., _) => "it has a fault of its own".into(),
        _ => "it refuses".into(),
    }
}

/// The words between `<name>` and `</name>`.
fn tag<'a>(xml: &'a str, name: &str) -> &'a str {
    let inner = xml.split_once(&format!("<{name}>")).and_then(|(_, rest)| rest.split_once(&format!("</{name}>")));
    inner.map_or("", |(words, _)| words)
}

/// The beginning of what a server said, without characters that would change how a terminal shows the rest.
fn one_line(text: &str) -> String {
    let line: String = text.split_whitespace().collect::<Vec<_>>().join(" ");
    line.chars().filter(|letter| !letter.is_control() && !is_unseen(*letter)).take(200).collect()
}

fn content_type(name: &Name) -> &'static str {
    match name.as_str().rsplit_once('.') {
        Some((_, "jpg")) => "image/jpeg",
        Some((_, "webp")) => "image/webp",
        _ => "application/octet-stream",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_servers_say_becomes_advice() {
        let body = |code: &str, message: &str| {
            format!("<?xml?><Error><Code>{code}</Code><Message>{message}</Message></Error>")
        };
        let settings = MediaS3 {
            bucket: "b".into(),
            access_key: "k".into(),
            endpoint: Some("http://s3.test".into()),
            ..MediaS3::default()
        };
        let s3 = S3::open(&settings).unwrap();
        for (status, code, message, words) in [
            (403, "InvalidAccessKeyId", "", "access_key"),
            (403, "SignatureDoesNotMatch", "", "secret_key"),
            (403, "AccessDenied", "Forbidden: No such key: GK12", "access_key"),
            (403, "AccessDenied", "Forbidden: Invalid signature", "secret_key"),
            (403, "AccessDenied", "", "may not do this"),
            (403, "RequestTimeTooSkewed", "", "clock"),
            (404, "NoSuchBucket", "", "media.s3.bucket"),
            (400, "AuthorizationHeaderMalformed", "scope", "region"),
            (503, "SlowDown", "", "busy"),
        ] {
            let told = s3.explain(&Failure::Status(status, body(code, message))).to_string();
            assert!(told.contains(words) && told.contains("http://s3.test"), "{code} {message}: {told}");
        }
        let elsewhere = "<Error><Code>AuthorizationHeaderMalformed</Code><Region>garage</Region></Error>";
        assert!(s3.explain(&Failure::Status(400, elsewhere.into())).to_string().contains("\"garage\""));
        assert_eq!(s3.explain(&Failure::Status(404, String::new())), StorageError::NotFound);
        assert_eq!(s3.explain(&Failure::Status(404, body("NoSuchKey", "gone"))), StorageError::NotFound);
    }

    #[test]
    fn a_region_is_amazons_or_has_an_endpoint() {
        let of = |region: Option<&str>, endpoint: Option<&str>| {
            let (region, endpoint) = (region.map(str::to_owned), endpoint.map(str::to_owned));
            S3::open(&MediaS3 { bucket: "b".into(), access_key: "k".into(), region, endpoint, ..MediaS3::default() })
                .map(|s3| s3.bucket.url())
        };
        assert_eq!(of(Some("eu-central-1"), None).unwrap(), "https://b.s3.eu-central-1.amazonaws.com");
        assert_eq!(of(Some("garage"), Some("http://localhost:3900")).unwrap(), "http://localhost:3900/b");
        let below_a_path = of(None, Some("https://project.example.org/storage/v1/s3")).unwrap();
        assert_eq!(below_a_path, "https://project.example.org/storage/v1/s3/b");
        assert!(of(Some("garage"), None).unwrap_err().contains("endpoint"));
    }
}
