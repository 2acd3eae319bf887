//! GIFs: the first frame, on its canvas.

use std::io::{BufRead, Seek};

use image::codecs::gif::GifDecoder;
use image::{DynamicImage, ImageDecoder};

use super::{Decoded, Limits, PictureError};

/// Decodes the first frame of a GIF.
///
/// # Errors
/// [`PictureError`]. A frame may be larger than the canvas that the head names, and is bounded like it.
pub(super) fn decode<R: BufRead + Seek>(source: &mut R, limits: &Limits) -> Result<Decoded, PictureError> {
    let mut decoder = GifDecoder::new(source).map_err(|_| PictureError::Unreadable)?;
    let (width, height) = decoder.dimensions();
    limits.check_size(width, height)?;
    let canvas = decoder.total_bytes();
    limits.check_memory(canvas, width, height)?;
    let mut bounds = image::Limits::no_limits();
    bounds.max_alloc = Some(limits.memory() - canvas);
    decoder.set_limits(bounds).map_err(|_| PictureError::Unreadable)?;
    DynamicImage::from_decoder(decoder).map(Decoded::upright).map_err(|error| limits.refusal(&error))
}
