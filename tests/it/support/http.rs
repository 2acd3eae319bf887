//! A browser's wire: HTTP/1.1 over a socket, with nothing in between that could mend an answer or
//! refuse to send something odd.

use std::cell::RefCell;
use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::time::{Duration, Instant};

/// What is sent.
#[derive(Clone, Debug)]
pub struct Request {
    pub method: String,
    pub target: String,
    pub headers: Vec<(String, String)>,
    pub body: Vec<u8>,
}

impl Request {
    pub fn new(method: &str, target: &str) -> Self {
        Self { method: method.to_owned(), target: target.to_owned(), headers: Vec::new(), body: Vec::new() }
    }

    pub fn header(mut self, name: &str, value: &str) -> Self {
        self.headers.retain(|(known, _)| !known.eq_ignore_ascii_case(name));
        self.headers.push((name.to_owned(), value.to_owned()));
        self
    }

    /// The fields of a form, as a browser encodes them.
    pub fn form(self, fields: &[(&str, &str)]) -> Self {
        let body = encode(fields);
        self.content("application/x-www-form-urlencoded", body.as_bytes())
    }

    /// The fields of a form and the file of one of them, as a browser encodes them.
    pub fn multipart(self, fields: &[(&str, &str)], (name, file_name, bytes): (&str, &str, &[u8])) -> Self {
        let boundary = "----a-boundary-7";
        let mut body = Vec::new();
        for (name, value) in fields {
            let part = format!("--{boundary}\r\nContent-Disposition: form-data; name=\"{name}\"\r\n\r\n{value}\r\n");
            body.extend(part.as_bytes());
        }
        let head = format!(
            "--{boundary}\r\nContent-Disposition: form-data; name=\"{name}\"; filename=\"{file_name}\"\r\n\
             Content-Type: application/octet-stream\r\n\r\n"
        );
        body.extend(head.as_bytes());
        body.extend(bytes);
        body.extend(format!("\r\n--{boundary}--\r\n").as_bytes());
        self.content(&format!("multipart/form-data; boundary={boundary}"), &body)
    }

    /// Says where it comes from, as every browser of today does.
    pub fn with_own_origin(self, site: &super::Site) -> Self {
        self.header("Origin", &format!("http://127.0.0.1:{}", site.port())).header("Accept", "text/html")
    }

    pub fn content(mut self, content_type: &str, body: &[u8]) -> Self {
        self.body = body.to_vec();
        self.header("Content-Type", content_type)
    }

    /// Sends it and reads the head of the answer.
    pub fn open(&self, port: u16) -> Opened {
        self.try_open(port).unwrap_or_else(|error| panic!("{} {}: no answer: {error}", self.method, self.target))
    }

    /// The same, where the server may be gone.
    pub fn try_open(&self, port: u16) -> io::Result<Opened> {
        let mut socket = TcpStream::connect(("127.0.0.1", port))?;
        socket.set_read_timeout(Some(Duration::from_secs(30)))?;
        let mut head = format!("{} {} HTTP/1.1\r\nConnection: close\r\n", self.method, self.target);
        if !self.headers.iter().any(|(name, _)| name.eq_ignore_ascii_case("host")) {
            head.push_str(&format!("Host: 127.0.0.1:{port}\r\n"));
        }
        for (name, value) in &self.headers {
            head.push_str(&format!("{name}: {value}\r\n"));
        }
        if !self.body.is_empty() || matches!(self.method.as_str(), "POST" | "PUT" | "PATCH") {
            head.push_str(&format!("Content-Length: {}\r\n", self.body.len()));
        }
        head.push_str("\r\n");
        socket.write_all(head.as_bytes())?;
        // A server that refuses a large body may answer and close before it is all sent.
        let _ = socket.write_all(&self.body);
        Opened::read(socket, format!("{} {}", self.method, self.target))
    }
}

/// `a=1&b=2`, percent-encoded.
pub fn encode(fields: &[(&str, &str)]) -> String {
    fields.iter().map(|(name, value)| format!("{}={}", percent(name), percent(value))).collect::<Vec<_>>().join("&")
}

/// Everything but letters, digits and a few signs as `%XX`.
pub fn percent(text: &str) -> String {
    text.bytes()
        .map(|byte| match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => char::from(byte).to_string(),
            _ => format!("%{byte:02X}"),
        })
        .collect()
}

/// An answer whose head has come and whose body may still be coming.
pub struct Opened {
    pub status: u16,
    pub headers: Vec<(String, String)>,
    asked: String,
    chunked: bool,
    reader: BufReader<TcpStream>,
}

impl Opened {
    fn read(socket: TcpStream, asked: String) -> io::Result<Self> {
        let mut reader = BufReader::new(socket);
        let mut line = String::new();
        reader.read_line(&mut line)?;
        let status = line.split(' ').nth(1).and_then(|status| status.parse().ok());
        let status = status.ok_or_else(|| io::Error::other(format!("no status in {line:?}")))?;
        let mut headers = Vec::new();
        loop {
            let mut line = String::new();
            reader.read_line(&mut line)?;
            let Some((name, value)) = line.trim_end().split_once(':') else { break };
            headers.push((name.to_owned(), value.trim().to_owned()));
        }
        let chunked = find(&headers, "transfer-encoding") == Some("chunked");
        Ok(Self { status, headers, asked, chunked, reader })
    }

    /// Reads the whole body.
    pub fn finish(mut self) -> Answer {
        let body = self.read_body();
        Answer {
            status: self.status,
            headers: self.headers,
            body: String::from_utf8_lossy(&body).into_owned(),
            asked: self.asked,
        }
    }

    /// The whole body, where it is no text.
    pub fn bytes(mut self) -> Vec<u8> {
        self.read_body()
    }

    fn read_body(&mut self) -> Vec<u8> {
        let mut body = Vec::new();
        let length = find(&self.headers, "content-length").and_then(|length| length.parse::<u64>().ok());
        // The other side may cut the connection after a refusal; what came counts.
        if self.chunked {
            while let Some(chunk) = self.chunk() {
                body.extend(chunk);
            }
        } else if let Some(length) = length.filter(|_| !self.asked.starts_with("HEAD")) {
            let _ = (&mut self.reader).take(length).read_to_end(&mut body);
        } else {
            let _ = self.reader.read_to_end(&mut body);
        }
        body
    }

    fn chunk(&mut self) -> Option<Vec<u8>> {
        let mut size = String::new();
        self.reader.read_line(&mut size).ok().filter(|read| *read > 0)?;
        let size = usize::from_str_radix(size.trim(), 16).ok().filter(|size| *size > 0)?;
        let mut chunk = vec![0; size + 2];
        self.reader.read_exact(&mut chunk).ok()?;
        chunk.truncate(size);
        Some(chunk)
    }

    /// The body as a stream of events.
    pub fn events(self) -> Events {
        assert_eq!(self.status, 200, "{}", self.asked);
        assert_eq!(find(&self.headers, "content-type"), Some("text/event-stream"), "{}", self.asked);
        Events { answer: self, text: String::new() }
    }

    pub fn header(&self, name: &str) -> Option<&str> {
        find(&self.headers, name)
    }
}

fn find<'a>(headers: &'a [(String, String)], name: &str) -> Option<&'a str> {
    headers.iter().find(|(known, _)| known.eq_ignore_ascii_case(name)).map(|(_, value)| value.as_str())
}

/// A whole answer.
#[derive(Clone, Debug)]
pub struct Answer {
    pub status: u16,
    pub headers: Vec<(String, String)>,
    pub body: String,
    asked: String,
}

impl Answer {
    /// What stands above each card of a list, as HTML.
    pub fn cards(&self) -> Vec<String> {
        let cards = self.body.split("class=\"card-title\"><a href=\"").skip(1);
        cards.filter_map(|card| Some(card.split_once('>')?.1.split_once('<')?.0.to_owned())).collect()
    }

    #[track_caller]
    pub fn status(&self, expected: u16) -> &Self {
        assert_eq!(self.status, expected, "{}: {}\n{}", self.asked, self.location_or_nothing(), self.start());
        self
    }

    /// The page shows this text.
    #[track_caller]
    pub fn see(&self, text: &str) -> &Self {
        assert!(self.body.contains(&escaped(text)), "{} does not show {text:?}:\n{}", self.asked, self.body);
        self
    }

    /// The token that every page carries for its forms.
    pub fn form_token(&self) -> Option<&str> {
        let (_, rest) = self.body.split_once("name=\"csrf-token\" content=\"")?;
        rest.split('"').next().filter(|token| !token.is_empty())
    }

    /// The page does not hold this text, neither as text nor as markup. Its form token is random letters, among which a
    /// short word may stand by chance.
    #[track_caller]
    pub fn see_not(&self, text: &str) -> &Self {
        let body = match self.form_token() {
            Some(token) => self.body.replace(token, ""),
            None => self.body.clone(),
        };
        let found = body.contains(&escaped(text)) || body.contains(text);
        assert!(!found, "{} shows {text:?}:\n{}", self.asked, self.body);
        self
    }

    /// The answer holds this, letter by letter.
    #[track_caller]
    pub fn hold(&self, markup: &str) -> &Self {
        assert!(self.body.contains(markup), "{} does not hold {markup:?}:\n{}", self.asked, self.body);
        self
    }

    pub fn header(&self, name: &str) -> Option<&str> {
        find(&self.headers, name)
    }

    fn location_or_nothing(&self) -> &str {
        self.header("location").unwrap_or_default()
    }

    /// Where a redirect leads, as a path of this site.
    #[track_caller]
    pub fn location(&self) -> String {
        let location =
            self.header("location").unwrap_or_else(|| panic!("{} leads nowhere: {}", self.asked, self.status));
        location.to_owned()
    }

    /// A 303 to this address.
    #[track_caller]
    pub fn leads_to(&self, path: &str) -> &Self {
        self.status(303);
        assert_eq!(self.location(), path, "{}", self.asked);
        self
    }

    /// A 303 to the log-in.
    #[track_caller]
    pub fn leads_to_login(&self) -> &Self {
        self.status(303);
        assert!(self.location().starts_with("/login?next="), "{} leads to {}", self.asked, self.location());
        self
    }

    #[track_caller]
    pub fn json(&self) -> serde_json::Value {
        serde_json::from_str(&self.body).unwrap_or_else(|error| panic!("{}: {error}: {}", self.asked, self.body))
    }

    /// The value of the field of this name, as the page's form has it.
    pub fn field(&self, name: &str) -> Option<String> {
        let tag = self.body.split("<input").find(|tag| tag.contains(&format!("name=\"{name}\"")))?;
        let tag = tag.split('>').next()?;
        Some(unescaped(tag.split_once("value=\"")?.1.split('"').next()?))
    }

    /// `name=value` of the cookie that the answer sets, by the middle part of its name.
    pub fn cookie(&self, name: &str) -> Option<&str> {
        let start = format!("chaupal_{name}_");
        let line = self.cookies().into_iter().find(|line| line.trim_start_matches("__Host-").starts_with(&start))?;
        line.split(';').next()
    }

    pub fn cookies(&self) -> Vec<&str> {
        let cookies = self.headers.iter().filter(|(name, _)| name.eq_ignore_ascii_case("set-cookie"));
        cookies.map(|(_, value)| value.as_str()).collect()
    }

    /// The numbers of the messages on the page, in their order.
    pub fn messages(&self) -> Vec<i64> {
        let ids = self.body.split("data-id=\"").skip(1);
        ids.filter_map(|rest| rest.split('"').next()?.parse().ok()).collect()
    }

    pub fn count(&self, part: &str) -> usize {
        self.body.matches(part).count()
    }

    fn start(&self) -> String {
        self.body.chars().take(2000).collect()
    }
}

/// As the templates escape.
pub fn escaped(text: &str) -> String {
    text.chars()
        .map(|letter| match letter {
            '&' => "&amp;".to_owned(),
            '<' => "&lt;".to_owned(),
            '>' => "&gt;".to_owned(),
            '"' => "&quot;".to_owned(),
            '\'' => "&#x27;".to_owned(),
            '/' => "&#x2F;".to_owned(),
            letter => letter.to_string(),
        })
        .collect()
}

fn unescaped(text: &str) -> String {
    let text = text.replace("&lt;", "<").replace("&gt;", ">").replace("&quot;", "\"");
    text.replace("&#x27;", "'").replace("&#x2F;", "/").replace("&amp;", "&")
}

/// One event of a stream.
#[derive(Clone, Debug, PartialEq)]
pub struct Heard {
    pub event: String,
    pub id: Option<String>,
    pub data: serde_json::Value,
}

/// A stream that stays open.
pub struct Events {
    answer: Opened,
    text: String,
}

impl Events {
    /// The next event of a kind other than `presence`.
    pub fn next(&mut self) -> Heard {
        loop {
            let heard = self.any(Duration::from_secs(15)).expect("an event comes");
            if heard.event != "presence" {
                return heard;
            }
        }
    }

    /// The next `n` of them.
    pub fn take(&mut self, n: usize) -> Vec<Heard> {
        (0..n).map(|_| self.next()).collect()
    }

    /// Nothing but presence comes for so long.
    #[track_caller]
    pub fn silent(&mut self, patience: Duration) {
        let end = Instant::now() + patience;
        while let Some(rest) = end.checked_duration_since(Instant::now()).filter(|rest| !rest.is_zero()) {
            match self.any(rest) {
                Some(heard) => assert_eq!(heard.event, "presence", "{heard:?}"),
                None => return,
            }
        }
    }

    /// The next event, of whatever kind; none when the stream ends or nothing comes in time.
    pub fn any(&mut self, patience: Duration) -> Option<Heard> {
        let end = Instant::now() + patience;
        loop {
            while let Some((block, rest)) = self.text.split_once("\n\n") {
                let (block, rest) = (block.to_owned(), rest.to_owned());
                self.text = rest;
                if let Some(heard) = parse(&block) {
                    return Some(heard);
                }
            }
            let rest = end.checked_duration_since(Instant::now()).filter(|rest| !rest.is_zero())?;
            self.answer.reader.get_ref().set_read_timeout(Some(rest)).expect("a time-out can be set");
            // Chunks are small here: one either comes whole or not at all.
            let chunk = self.answer.chunk()?;
            self.text.push_str(&String::from_utf8_lossy(&chunk).replace("\r\n", "\n"));
        }
    }

    /// The stream was ended by the server within this time.
    pub fn ends(&mut self, patience: Duration) -> bool {
        let start = Instant::now();
        while start.elapsed() < patience {
            if self.any(patience.saturating_sub(start.elapsed())).is_none() {
                return start.elapsed() < patience;
            }
        }
        false
    }
}

fn parse(block: &str) -> Option<Heard> {
    let field = |name: &str| {
        block.lines().find_map(|line| Some(line.strip_prefix(name)?.strip_prefix(':')?.trim_start().to_owned()))
    };
    let data = field("data")?;
    let data = serde_json::from_str(&data).unwrap_or_else(|error| panic!("{error} in {block:?}"));
    Some(Heard { event: field("event").unwrap_or_default(), id: field("id"), data })
}

/// Cookies as a browser keeps them. Those of the site are asked for by the middle part of their names: `session` for
/// `chaupal_session_1a2b3c4d`.
#[derive(Clone, Debug)]
pub struct Jar {
    cookies: RefCell<Vec<(String, String)>>,
    names: [String; 2],
}

impl Jar {
    /// `names`: what stands before and after the middle part.
    pub fn new(names: [String; 2]) -> Self {
        Self { cookies: RefCell::default(), names }
    }

    pub fn full_name(&self, name: &str) -> String {
        format!("{}{name}{}", self.names[0], self.names[1])
    }

    pub fn get(&self, name: &str) -> Option<String> {
        let name = self.full_name(name);
        self.cookies.borrow().iter().find(|(known, _)| *known == name).map(|(_, value)| value.clone())
    }

    pub fn set(&self, name: &str, value: &str) {
        self.set_foreign(&self.full_name(name), value);
    }

    /// Sets a cookie of this whole name.
    pub fn set_foreign(&self, name: &str, value: &str) {
        let mut cookies = self.cookies.borrow_mut();
        cookies.retain(|(known, _)| known != name);
        cookies.push((name.to_owned(), value.to_owned()));
    }

    pub fn learn(&self, headers: &[(String, String)]) {
        for (_, cookie) in headers.iter().filter(|(name, _)| name.eq_ignore_ascii_case("set-cookie")) {
            let Some((name, value)) = cookie.split(';').next().and_then(|pair| pair.split_once('=')) else { continue };
            self.cookies.borrow_mut().retain(|(known, _)| known != name);
            let gone = value.is_empty() || cookie.contains("Max-Age=0");
            if !gone {
                self.cookies.borrow_mut().push((name.to_owned(), value.to_owned()));
            }
        }
    }

    /// For the header `Cookie`, if there is anything.
    pub fn line(&self) -> Option<String> {
        let cookies = self.cookies.borrow();
        let pairs: Vec<String> = cookies.iter().map(|(name, value)| format!("{name}={value}")).collect();
        (!pairs.is_empty()).then(|| pairs.join("; "))
    }
}
