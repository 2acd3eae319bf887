//! The markers of a JPEG file, read before anything is decoded: its frame, and how many scans it has.
//!
//! The rules are those of `jpeg-decoder`, which decodes the file afterwards: a marker that this walk does not see, the
//! decoder does not see either.

use std::io::{self, BufRead, Read};

use super::PictureError;

/// Maximum number of segments with a length. A photograph with a profile, a preview and notes has about a hundred.
const MAX_SEGMENTS: u32 = 4096;

/// What a file says about itself.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Head {
    pub width: u16,
    pub height: u16,
    /// Horizontal and vertical sampling factors of each component.
    pub sampling: Vec<(u8, u8)>,
    pub is_progressive: bool,
    /// Number of passes over the image. A scan may be empty: ten bytes that make a decoder visit every block.
    pub scans: u32,
}

impl Head {
    /// Returns the number of 8×8 blocks of all components, those of the padding included.
    pub fn blocks(&self) -> u64 {
        let most = |factor: fn(&(u8, u8)) -> u8| u64::from(self.sampling.iter().map(factor).max().unwrap_or(1).max(1));
        let columns = u64::from(self.width).div_ceil(8 * most(|factors| factors.0));
        let rows = u64::from(self.height).div_ceil(8 * most(|factors| factors.1));
        self.sampling.iter().map(|(across, down)| columns * u64::from(*across) * rows * u64::from(*down)).sum()
    }
}

/// Reads all markers up to the end of the image; takes time in proportion to the file's size.
pub(super) fn read(source: &mut impl BufRead) -> Result<Head, PictureError> {
    walk(source).unwrap_or(None).ok_or(PictureError::Unreadable)
}

/// None: a marker that is not allowed, or too many of them.
fn walk(source: &mut impl BufRead) -> io::Result<Option<Head>> {
    if [byte(source)?, byte(source)?] != [0xff, 0xd8] {
        return Ok(None);
    }
    let mut head: Option<Head> = None;
    let mut scans = 0;
    for _ in 0..MAX_SEGMENTS {
        match marker(source)? {
            // The end of the image.
            0xd9 => return Ok(head.map(|head| Head { scans, ..head })),
            kind @ 0xc0..=0xc2 => {
                if head.is_some() {
                    return Ok(None);
                }
                head = frame(&segment(source)?, kind == 0xc2);
                if head.is_none() {
                    return Ok(None);
                }
            }
            0xda => {
                scans += 1;
                skip(source)?;
            }
            // Tables (DHT, DQT, DRI), notes (APPn, COM).
            0xc4 | 0xdb | 0xdd | 0xe0..=0xef | 0xfe => skip(source)?,
            _ => return Ok(None),
        }
    }
    Ok(None)
}

/// Returns the next marker, the restart markers left out: they stand inside of a scan's data, which is skipped.
fn marker(source: &mut impl BufRead) -> io::Result<u8> {
    loop {
        source.skip_until(0xff)?;
        let mut kind = byte(source)?;
        while kind == 0xff {
            kind = byte(source)?;
        }
        if kind != 0 && !(0xd0..=0xd7).contains(&kind) {
            return Ok(kind);
        }
    }
}

fn byte(source: &mut impl Read) -> io::Result<u8> {
    let mut byte = [0];
    source.read_exact(&mut byte)?;
    Ok(byte[0])
}

/// The length of what follows the length.
fn length(source: &mut impl Read) -> io::Result<u16> {
    let length = u16::from_be_bytes([byte(source)?, byte(source)?]);
    length.checked_sub(2).ok_or_else(|| io::ErrorKind::InvalidData.into())
}

fn segment(source: &mut impl Read) -> io::Result<Vec<u8>> {
    let mut content = vec![0; usize::from(length(source)?)];
    source.read_exact(&mut content)?;
    Ok(content)
}

fn skip(source: &mut impl Read) -> io::Result<()> {
    let length = u64::from(length(source)?);
    let skipped = io::copy(&mut source.take(length), &mut io::sink())?;
    if skipped == length { Ok(()) } else { Err(io::ErrorKind::UnexpectedEof.into()) }
}

fn frame(content: &[u8], is_progressive: bool) -> Option<Head> {
    let ([_precision, h1, h2, w1, w2, count], components) = content.split_first_chunk()?;
    let sampling = components.chunks_exact(3).map(|component| (component[1] >> 4, component[1] & 15)).collect();
    let is_whole = components.len() == 3 * usize::from(*count) && matches!(count, 1 | 3 | 4);
    let (width, height) = (u16::from_be_bytes([*w1, *w2]), u16::from_be_bytes([*h1, *h2]));
    is_whole.then_some(Head { width, height, sampling, is_progressive, scans: 0 })
}
