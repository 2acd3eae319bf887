//! WebPs. Their decoder makes room for a frame before it compares the frame with the canvas, so that is done here first.

use std::io::{self, BufRead, Read, Seek, SeekFrom};

use image::codecs::webp::WebPDecoder;
use image::metadata::Orientation;
use image::{DynamicImage, ImageDecoder};

use super::{Decoded, Limits, PictureError, color};

/// Decodes a WebP, the first frame of an animation.
///
/// # Errors
/// [`PictureError`].
pub(super) fn decode<R: BufRead + Seek>(source: &mut R, limits: &Limits) -> Result<Decoded, PictureError> {
    let broken = |_| PictureError::Unreadable;
    let frame = frame(source).map_err(|_| PictureError::Unreadable)?;
    source.rewind().map_err(|_| PictureError::Unreadable)?;
    let mut decoder = WebPDecoder::new(&mut *source).map_err(broken)?;
    let (width, height) = decoder.dimensions();
    limits.check_size(width, height)?;
    let is_animated = decoder.has_animation();
    let (frame_width, frame_height) = frame.size;
    if frame_width > width || frame_height > height || (!is_animated && frame.size != (width, height)) {
        return Err(PictureError::Unreadable);
    }
    let has_alpha = decoder.color_type().has_alpha();
    // Half bytes for each pixel: the pixels as they are asked for, and what the decoder takes besides.
    let halves = match (frame.is_lossless, has_alpha) {
        _ if is_animated => 37,
        (true, true) => 8,
        (true, false) => 14,
        (false, false) => 9,
        (false, true) => 21,
    };
    limits.check_memory(u64::from(width) * u64::from(height) * halves / 2, width, height)?;
    // What says nothing readable about it stands upright.
    let orientation = decoder.orientation().unwrap_or(Orientation::NoTransforms);
    let profile = decoder.icc_profile().ok().flatten().and_then(|profile| color::profile(&profile));
    let image = DynamicImage::from_decoder(decoder).map_err(|error| limits.refusal(&error))?;
    Ok(Decoded { image, orientation, profile })
}

/// The first frame, as its own head says it.
struct Frame {
    size: (u32, u32),
    is_lossless: bool,
}

/// Finds the frame that will be decoded: the first chunk of its kind, as for the decoder. Metadata that says that it is
/// larger than the file is refused: the decoder makes room for it at once.
fn frame(source: &mut (impl BufRead + Seek)) -> io::Result<Frame> {
    let end = source.seek(SeekFrom::End(0))?;
    source.seek(SeekFrom::Start(4))?;
    let mut size = [0; 4];
    source.read_exact(&mut size)?;
    source.seek(SeekFrom::Start(12))?;
    let first = Chunk::read(source)?;
    if first.kind != *b"VP8X" {
        return first.head(source);
    }
    let mut flags = [0];
    source.read_exact(&mut flags)?;
    let is_animated = flags[0] & 2 != 0;
    // The decoder looks for chunks up to here, somewhat further than the file says that it is long.
    let last = first.end() + u64::from(u32::from_le_bytes(size)).saturating_sub(12);
    let mut found: Option<Chunk> = None;
    let mut position = first.end();
    while position < last {
        source.seek(SeekFrom::Start(position))?;
        let Ok(chunk) = Chunk::read(source) else { break };
        position = chunk.end();
        match &chunk.kind {
            b"ICCP" | b"EXIF" | b"XMP " if position > end + 1 => return Err(io::ErrorKind::InvalidData.into()),
            b"ANMF" if is_animated => found = found.or(Some(chunk)),
            b"VP8 " | b"VP8L" if !is_animated => found = found.or(Some(chunk)),
            _ => {}
        }
    }
    let mut chunk = found.ok_or(io::ErrorKind::InvalidData)?;
    if is_animated {
        // After a head of sixteen bytes come chunks again.
        source.seek(SeekFrom::Start(chunk.start + 16))?;
        chunk = Chunk::read(source)?;
        if chunk.kind == *b"ALPH" {
            source.seek(SeekFrom::Start(chunk.end()))?;
            chunk = Chunk::read(source)?;
        }
    }
    chunk.head(source)
}

struct Chunk {
    kind: [u8; 4],
    /// Where its content begins.
    start: u64,
    size: u32,
}

impl Chunk {
    fn read(source: &mut (impl Read + Seek)) -> io::Result<Self> {
        let (mut kind, mut size) = ([0; 4], [0; 4]);
        source.read_exact(&mut kind)?;
        source.read_exact(&mut size)?;
        Ok(Self { kind, start: source.stream_position()?, size: u32::from_le_bytes(size) })
    }

    /// Where the next one begins; sizes are rounded up to even ones.
    fn end(&self) -> u64 {
        self.start + u64::from(self.size) + u64::from(self.size & 1)
    }

    /// Reads the head of a frame.
    fn head(&self, source: &mut (impl Read + Seek)) -> io::Result<Frame> {
        let mut head = [0; 10];
        source.seek(SeekFrom::Start(self.start))?;
        source.read_exact(&mut head)?;
        let number = |at: usize| u32::from(u16::from_le_bytes([head[at], head[at + 1]]));
        match &self.kind {
            b"VP8 " => Ok(Frame { size: (number(6) & 0x3fff, number(8) & 0x3fff), is_lossless: false }),
            b"VP8L" => {
                let bits = number(1) | number(3) << 16;
                Ok(Frame { size: ((bits & 0x3fff) + 1, (bits >> 14 & 0x3fff) + 1), is_lossless: true })
            }
            _ => Err(io::ErrorKind::InvalidData.into()),
        }
    }
}
