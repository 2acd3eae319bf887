//! Media in a bucket of an S3 server: Amazon's, or Garage, MinIO, Ceph and others that speak as it does.
//!
//! Django: `storages.backends.s3.S3Storage`

use std::error::Error as _;
use std::ops::Range;
use std::time::Duration;

use ::s3::creds::Credentials;
use ::s3::error::S3Error;
use ::s3::{Bucket, Region};
use rocket::futures::TryStreamExt;
use rocket::tokio::time::{sleep, timeout};
use tokio_util::io::StreamReader;

use super::{Name, Object, Storage, StorageError};
use crate::kit::config::MediaS3;

/// So long a request may take, its answer's beginning included.
const PATIENCE: Duration = Duration::from_secs(20);

/// So long somebody with a slow line may take to fetch a picture.
const SLOWEST: Duration = Duration::from_secs(600);

/// Before each further try.
const PAUSES: [Duration; 2] = [Duration::from_millis(200), Duration::from_millis(1000)];

/// A bucket.
pub struct S3 {
    bucket: Bucket,
    /// Before each name, with the slash.
    prefix: String,
    /// For words: where the server is.
    place: String,
}

impl S3 {
    /// The bucket; nobody is asked yet.
    ///
    /// # Errors
    /// One line: the setting that cannot be used.
    pub fn open(settings: &MediaS3) -> Result<Self, String> {
        let secret = settings.secret_key.as_ref().map(|key| key.expose());
        let credentials = Credentials::new(Some(&settings.access_key), secret, None, None, None)
            .map_err(|e| format!("media.s3.access_key and media.s3.secret_key cannot be used: {e}"))?;
        // Ours are tried again here, all of them: every request of this module may be repeated.
        ::s3::set_retries(0);
        let mut bucket = Bucket::new(&settings.bucket, region(settings)?, credentials)
            .map_err(|e| format!("media.s3 cannot be used: {}", one_line(&e.to_string())))?;
        if settings.path_style() {
            bucket.set_path_style();
        }
        bucket.set_request_timeout(Some(PATIENCE));
        let place = format!("{} (bucket {})", bucket.url(), settings.bucket);
        let prefix = match settings.prefix.trim_matches('/') {
            "" => String::new(),
            prefix => format!("{prefix}/"),
        };
        Ok(Self { bucket: *bucket, prefix, place })
    }

    /// The same, giving a request up after so long.
    pub fn with_patience(mut self, patience: Duration) -> Self {
        self.bucket.set_request_timeout(Some(patience));
        self
    }

    fn key(&self, name: &Name) -> String {
        format!("{}{name}", self.prefix)
    }

    /// What happened, for whoever runs the site.
    fn explain(&self, error: &S3Error) -> StorageError {
        let words = match error {
            S3Error::HttpFailWithBody(status, body) => {
                let (code, message) = (tag(body, "Code"), tag(body, "Message"));
                // The answer to HEAD has no words.
                if *status == 404 && matches!(code, "" | "NoSuchKey") {
                    return StorageError::NotFound;
                }
                let advice = advice(*status, code, message, tag(body, "Region"));
                let said = one_line(if message.is_empty() { code } else { message });
                match said.is_empty() {
                    true => format!("{advice} (status {status})"),
                    false => format!("{advice} (status {status}, \"{said}\")"),
                }
            }
            S3Error::Reqwest(error) => {
                let mut reason = error.to_string();
                let mut source = error.source();
                while let Some(inner) = source {
                    reason = inner.to_string();
                    source = inner.source();
                }
                let about_tls = reason.to_lowercase();
                let advice = if error.is_timeout() {
                    "the server takes too long to answer"
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
            error => one_line(&error.to_string()),
        };
        StorageError::Trouble(format!("S3 at {}: {words}", self.place))
    }
}

/// Tries again when the server was busy or could not be reached. (A macro, since no closure can lend to a future that
/// wanders between threads.)
macro_rules! patiently {
    ($s3:ident, $attempt:expr) => {{
        let mut pauses = PAUSES.iter();
        loop {
            let error = match $attempt.await {
                Ok(answer) => break Ok(answer),
                Err(error) => error,
            };
            match pauses.next().filter(|_| is_passing(&error)) {
                Some(pause) => sleep(*pause).await,
                None => break Err($s3.explain(&error)),
            }
        }
    }};
}

#[rocket::async_trait]
impl Storage for S3 {
    async fn put(&self, name: &Name, content: &[u8]) -> Result<(), StorageError> {
        let (key, kind) = (self.key(name), content_type(name));
        patiently!(self, self.bucket.put_object_with_content_type(&key, content, kind)).map(drop)
    }

    async fn get(&self, name: &Name, range: Option<Range<u64>>) -> Result<Object, StorageError> {
        let Some(size) = self.size(name).await? else { return Err(StorageError::NotFound) };
        let range = range.filter(|range| *range != (0..size));
        if range.as_ref().is_some_and(Range::is_empty) {
            return Ok(Object { size, body: Box::pin(rocket::tokio::io::empty()) });
        }
        let mut bucket = self.bucket.clone();
        bucket.set_request_timeout(Some(SLOWEST));
        if let Some(range) = &range {
            bucket.add_header("range", &format!("bytes={}-{}", range.start, range.end - 1));
        }
        let key = self.key(name);
        let asked = async { patiently!(self, bucket.get_object_stream(&key)) };
        let Ok(answer) = timeout(2 * PATIENCE, asked).await else {
            return Err(StorageError::Trouble(format!("S3 at {}: the server takes too long to answer", self.place)));
        };
        let answer = answer?;
        // Who does not know ranges would send other bytes than were asked for.
        if range.is_some() && answer.status_code != 206 {
            return Err(StorageError::Trouble(format!("S3 at {}: it does not serve parts of objects", self.place)));
        }
        Ok(Object { size, body: Box::pin(StreamReader::new(answer.bytes.map_err(std::io::Error::other))) })
    }

    async fn size(&self, name: &Name) -> Result<Option<u64>, StorageError> {
        let key = self.key(name);
        match patiently!(self, self.bucket.head_object(&key)) {
            Ok((head, _)) => Ok(Some(head.content_length.and_then(|length| length.try_into().ok()).unwrap_or(0))),
            Err(StorageError::NotFound) => Ok(None),
            Err(error) => Err(error),
        }
    }

    async fn delete(&self, name: &Name) -> Result<(), StorageError> {
        let key = self.key(name);
        match patiently!(self, self.bucket.delete_object(&key)) {
            Ok(_) | Err(StorageError::NotFound) => Ok(()),
            Err(error) => Err(error),
        }
    }

    async fn list(&self) -> Result<Vec<(Name, u64)>, StorageError> {
        let pages = patiently!(self, self.bucket.list(self.prefix.clone(), None))?;
        let mut found: Vec<(Name, u64)> = pages
            .into_iter()
            .flat_map(|page| page.contents)
            .filter_map(|object| Some((Name::new(object.key.strip_prefix(&self.prefix)?)?, object.size)))
            .collect();
        found.sort();
        Ok(found)
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

fn is_passing(error: &S3Error) -> bool {
    match error {
        S3Error::HttpFailWithBody(status, _) => matches!(status, 408 | 429 | 500 | 502 | 503 | 504),
        // Who took all of our patience gets no more of it.
        S3Error::Reqwest(error) => !error.is_builder() && !error.is_timeout(),
        _ => false,
    }
}

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
        (403, _) => "it refuses: the key of media.s3 may not do this in this bucket".into(),
        (404, _) => "there is no such bucket: are media.s3.bucket and media.s3.path_style right?".into(),
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

fn one_line(text: &str) -> String {
    let line: String = text.split_whitespace().collect::<Vec<_>>().join(" ");
    line.chars().take(200).collect()
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
            let told = s3.explain(&S3Error::HttpFailWithBody(status, body(code, message))).to_string();
            assert!(told.contains(words) && told.contains("http://s3.test"), "{code} {message}: {told}");
        }
        let elsewhere = "<Error><Code>AuthorizationHeaderMalformed</Code><Region>garage</Region></Error>";
        assert!(s3.explain(&S3Error::HttpFailWithBody(400, elsewhere.into())).to_string().contains("\"garage\""));
        assert_eq!(s3.explain(&S3Error::HttpFailWithBody(404, String::new())), StorageError::NotFound);
        assert_eq!(s3.explain(&S3Error::HttpFailWithBody(404, body("NoSuchKey", "gone"))), StorageError::NotFound);
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
        assert!(of(Some("garage"), None).unwrap_err().contains("endpoint"));
    }
}
