//! Reading a stream bit by bit: the chunks of HTTP/1.1, and in them Server-Sent Events.

use std::time::Duration;

/// Takes the framing of `Transfer-Encoding: chunked` away.
#[derive(Default)]
pub struct Chunks {
    state: Framing,
}

#[derive(Default)]
enum Framing {
    /// In the line that holds a chunk's size; so far it is this.
    #[default]
    Start,
    Size(usize),
    /// What follows the size, up to the line's end.
    SizeEnd(usize),
    /// So many bytes of the chunk are to come.
    Data(usize),
    /// The line's end behind a chunk.
    DataEnd,
    /// The last chunk was empty: this is all.
    Over,
}

impl Chunks {
    /// Hands on what the bytes carry.
    ///
    /// # Errors
    /// What stands where a size should stand.
    pub fn feed(&mut self, mut bytes: &[u8], mut each: impl FnMut(&[u8])) -> Result<(), String> {
        while let Some((&first, rest)) = bytes.split_first() {
            if let Framing::Data(left) = self.state {
                let (data, after) = bytes.split_at(left.min(bytes.len()));
                each(data);
                self.state = if data.len() == left { Framing::DataEnd } else { Framing::Data(left - data.len()) };
                bytes = after;
                continue;
            }
            self.state = match (&self.state, first) {
                (Framing::Size(size) | Framing::SizeEnd(size), b'\n') => {
                    if *size == 0 {
                        Framing::Over
                    } else {
                        Framing::Data(*size)
                    }
                }
                (Framing::Size(size), b'\r' | b';') | (Framing::SizeEnd(size), _) => Framing::SizeEnd(*size),
                (Framing::Start, digit) => Framing::Size(hex(digit)?),
                (Framing::Size(size), digit) => Framing::Size(size * 16 + hex(digit)?),
                (Framing::DataEnd, b'\n') => Framing::Start,
                (Framing::DataEnd, _) => Framing::DataEnd,
                (Framing::Over | Framing::Data(_), _) => Framing::Over,
            };
            bytes = rest;
        }
        Ok(())
    }

    /// Whether the answer came to its own end; otherwise it was cut.
    pub fn is_over(&self) -> bool {
        matches!(self.state, Framing::Over)
    }
}

fn hex(digit: u8) -> Result<usize, String> {
    char::from(digit)
        .to_digit(16)
        .and_then(|value| usize::try_from(value).ok())
        .ok_or_else(|| format!("{:?} in the size of a chunk", char::from(digit)))
}

/// One event, as `EventSource` would hand it out.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Event {
    pub kind: String,
    pub id: Option<String>,
    pub data: String,
}

/// What a stream says.
#[derive(Debug, PartialEq, Eq)]
pub enum Said {
    Event(Event),
    /// Wait so long before coming back.
    Retry(Duration),
}

/// Puts lines together to events.
#[derive(Default)]
pub struct Lines {
    line: Vec<u8>,
    event: Event,
}

impl Lines {
    pub fn feed(&mut self, bytes: &[u8], each: &mut impl FnMut(Said)) {
        for part in bytes.split_inclusive(|byte| *byte == b'\n') {
            self.line.extend_from_slice(part);
            if part.ends_with(b"\n") {
                let line = String::from_utf8_lossy(&self.line);
                take_line(line.trim_end_matches(['\r', '\n']), &mut self.event, each);
                self.line.clear();
            }
        }
    }
}

fn take_line(line: &str, event: &mut Event, each: &mut impl FnMut(Said)) {
    if line.is_empty() {
        let whole = std::mem::take(event);
        if !whole.data.is_empty() {
            each(Said::Event(whole));
        }
        return;
    }
    let (field, value) = line.split_once(':').unwrap_or((line, ""));
    let value = value.strip_prefix(' ').unwrap_or(value);
    match field {
        "event" => value.clone_into(&mut event.kind),
        "id" => event.id = Some(value.to_owned()),
        "data" => {
            if !event.data.is_empty() {
                event.data.push('\n');
            }
            event.data.push_str(value);
        }
        "retry" => {
            if let Ok(milliseconds) = value.parse() {
                each(Said::Retry(Duration::from_millis(milliseconds)));
            }
        }
        // A comment, by which the stream shows that it lives.
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str =
        "retry:1500\n\n:.\n\nevent:presence\ndata:{}\n\nevent: message\r\nid: 7\r\ndata: one\r\ndata: two\r\n\r\n";

    fn read(wire: &[u8], at_once: usize) -> (Vec<Said>, bool) {
        let (mut chunks, mut lines, mut said) = (Chunks::default(), Lines::default(), Vec::new());
        for part in wire.chunks(at_once) {
            chunks.feed(part, |data| lines.feed(data, &mut |word| said.push(word))).unwrap();
        }
        (said, chunks.is_over())
    }

    #[test]
    fn a_stream_reads_the_same_however_it_is_cut() {
        let (head, tail) = TEXT.split_at(40);
        let wire = format!("{:x}\r\n{head}\r\n{:X};why=not\r\n{tail}\r\n0\r\n\r\n", head.len(), tail.len());
        let event = |kind: &str, id: Option<&str>, data: &str| {
            Said::Event(Event { kind: kind.into(), id: id.map(Into::into), data: data.into() })
        };
        let expected = [
            Said::Retry(Duration::from_millis(1500)),
            event("presence", None, "{}"),
            event("message", Some("7"), "one\ntwo"),
        ];
        for at_once in 1..=wire.len() {
            let (said, over) = read(wire.as_bytes(), at_once);
            assert_eq!(said, expected, "{at_once} bytes at once");
            assert!(over);
        }
        assert!(!read(&wire.as_bytes()[..wire.len() - 7], 5).1, "without the last chunk it was cut");
    }

    #[test]
    fn what_is_no_size_is_an_error() {
        assert!(Chunks::default().feed(b"banana\r\n", |_| ()).is_err());
        assert!(Chunks::default().feed(b"1\r\nx\r\nzz", |_| ()).is_err());
    }
}
