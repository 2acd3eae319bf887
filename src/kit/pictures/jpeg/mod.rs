//! Photographs, decoded no larger than they are needed: at a half, a quarter or an eighth of their size, which a JPEG allows
//! without a detour over its pixels. One of 24 million pixels takes 7 MB so, not 76, and less than half the time.

mod head;

use std::io::{BufRead, Seek};

use image::metadata::Orientation;
use image::{DynamicImage, GrayImage, RgbImage};
use jpeg_decoder::{Decoder, PixelFormat};

use self::head::Head;
use super::{Decoded, Limits, PictureError, color};

/// Maximum number of scans of an image of the largest size. Encoders write about ten.
const MAX_SCANS: u64 = 32;

/// Maximum number of scans of a small image.
const MAX_SCANS_OF_ANY: u32 = 256;

/// Decodes a JPEG to at least the width or the height that `needed` returns for its size, if it came so large.
///
/// # Errors
/// [`PictureError`]. What cannot be decoded at a part of the size is refused, such as arithmetic coding, which no browser
/// shows either: a second decoder would read the head in its own way.
pub(super) fn decode<R: BufRead + Seek>(
    source: &mut R,
    needed: impl Fn(u32, u32) -> (u32, u32),
    limits: &Limits,
) -> Result<Decoded, PictureError> {
    let broken = |_| PictureError::Unreadable;
    let head = head::read(source)?;
    let (width, height) = (u32::from(head.width), u32::from(head.height));
    limits.check_size(width, height)?;
    let visited = u64::from(head.scans) * u64::from(width) * u64::from(height);
    if head.scans > MAX_SCANS_OF_ANY || visited > MAX_SCANS.saturating_mul(limits.pixels) {
        return Err(PictureError::TooCostly);
    }
    source.rewind().map_err(|_| PictureError::Unreadable)?;
    let mut decoder = Decoder::new(source);
    decoder.read_info().map_err(|_| PictureError::Unreadable)?;
    let info = decoder.info().ok_or(PictureError::Unreadable)?;
    if (info.width, info.height) != (head.width, head.height) {
        return Err(PictureError::Unreadable);
    }
    // More than that it could not make smaller for us.
    let side = |length: u32| u16::try_from(length).unwrap_or(u16::MAX);
    let (needed_width, needed_height) = needed(width, height);
    let scaled = decoder.scale(side(needed_width), side(needed_height)).map_err(broken)?;
    limits.check_memory(memory(&head, scaled), width, height)?;
    let room = usize::from(scaled.0) * usize::from(scaled.1) * head.sampling.len();
    decoder.set_max_decoding_buffer_size(room);
    let pixels = decoder.decode().map_err(broken)?;
    let orientation = decoder.exif_data().and_then(Orientation::from_exif_chunk);
    let profile = decoder.icc_profile().and_then(|profile| color::profile(&profile));
    let (width, height) = (u32::from(scaled.0), u32::from(scaled.1));
    let image = match info.pixel_format {
        PixelFormat::RGB24 => RgbImage::from_raw(width, height, pixels).map(DynamicImage::from),
        PixelFormat::L8 => GrayImage::from_raw(width, height, pixels).map(DynamicImage::from),
        PixelFormat::CMYK32 => {
            let colours = color::without_inks(&pixels, profile.as_ref());
            RgbImage::from_raw(width, height, colours).map(DynamicImage::from)
        }
        PixelFormat::L16 => None,
    };
    let image = image.ok_or(PictureError::Unreadable)?;
    Ok(Decoded { image, orientation: orientation.unwrap_or(Orientation::NoTransforms), profile })
}

/// Returns how many bytes the decoder takes for an image that becomes so large: the coefficients of all of a progressive one,
/// the samples of each component, and the pixels.
fn memory(head: &Head, scaled: (u16, u16)) -> u64 {
    let (whole, scaled) = (u64::from(head.width) * u64::from(head.height), u64::from(scaled.0) * u64::from(scaled.1));
    let blocks = head.blocks();
    let coefficients = if head.is_progressive { blocks * 128 } else { 0 };
    // Four inks become three colours.
    let bytes = if head.sampling.len() == 4 { 7 } else { head.sampling.len() as u64 };
    coefficients + blocks * 64 * scaled / whole.max(1) + scaled * bytes
}

#[cfg(test)]
mod tests {
    use std::io::Cursor;

    use image::codecs::jpeg::JpegEncoder;
    use image::{GenericImageView, Luma, Rgb};

    use super::*;

    const LIMITS: Limits = Limits { pixels: 24_000_000 };

    fn encoded(image: &DynamicImage) -> Vec<u8> {
        let mut bytes = Vec::new();
        image.write_with_encoder(JpegEncoder::new(&mut bytes)).unwrap();
        bytes
    }

    #[test]
    fn a_photograph_is_decoded_no_larger_than_needed() {
        let halves = |x: u32| if x < 1500 { Rgb([200, 30, 20]) } else { Rgb([20, 30, 200]) };
        let bytes = encoded(&RgbImage::from_fn(3000, 2000, |x, _| halves(x)).into());
        for (asked, given) in [
            ((1280, 853), (1500, 1000)),
            ((1501, 1001), (3000, 2000)),
            ((300, 200), (375, 250)),
            ((9000, 9000), (3000, 2000)),
        ] {
            let decoded = decode(&mut Cursor::new(&bytes), |_, _| asked, &LIMITS).unwrap().image;
            assert_eq!(decoded.dimensions(), given, "{asked:?}");
            let at = |part: u32| decoded.get_pixel(given.0 * part / 4, given.1 / 2).0;
            assert!(at(1)[0] > 180 && at(1)[2] < 40 && at(3)[0] < 40 && at(3)[2] > 180, "{:?} {:?}", at(1), at(3));
        }
        let half = decode(&mut Cursor::new(&bytes[..bytes.len() / 2]), |_, _| (300, 200), &LIMITS);
        assert_eq!(half.err(), Some(PictureError::Unreadable));
    }

    #[test]
    fn one_without_colours_is_one_too() {
        let bytes = encoded(&GrayImage::from_pixel(900, 700, Luma([90])).into());
        let decoded = decode(&mut Cursor::new(&bytes), |_, _| (400, 300), &LIMITS).unwrap().image;
        assert_eq!((decoded.dimensions(), decoded.color().has_color()), ((450, 350), false));
    }
}
