//! PNGs; large ones are made smaller row by row as they are decoded: one of 24 million pixels takes 4 MB so, not 72.

use std::io::{BufRead, Seek};
use std::ops::Range;

use image::metadata::Orientation;
use image::{DynamicImage, GrayAlphaImage, GrayImage, RgbImage, RgbaImage};
use moxcms::ColorProfile;
use png::{ColorType, Decoder, DecodingError, Info, Reader, Transformations};

use super::{Decoded, Limits, PictureError, color};

/// Memory for all chunks beside the pixels, in bytes.
const MAX_CHUNKS: usize = 16 << 20;

/// Maximum length of a row in bytes; the decoder holds some of them.
const MAX_ROW: usize = 4 << 20;

/// Decodes a PNG. One that is at least twice as wide and high as what `needed` returns for its size is made exactly so large,
/// unless its rows do not come in order.
///
/// # Errors
/// [`PictureError`].
pub(super) fn decode<R: BufRead + Seek>(
    source: &mut R,
    needed: impl Fn(u32, u32) -> (u32, u32),
    limits: &Limits,
) -> Result<Decoded, PictureError> {
    let broken = |error| match error {
        DecodingError::LimitsExceeded => limits.too_many(limits.pixels),
        _ => PictureError::Unreadable,
    };
    let mut decoder = Decoder::new_with_limits(source, png::Limits { bytes: MAX_CHUNKS });
    // Eight bits for each of one to four channels.
    decoder.set_transformations(Transformations::normalize_to_color8());
    decoder.set_ignore_text_chunk(true);
    let (width, height) = decoder.read_header_info().map_err(broken)?.size();
    limits.check_size(width, height)?;
    let mut reader = decoder.read_info().map_err(broken)?;
    let info = reader.info();
    let is_part = info.frame_control.is_some_and(|frame| (frame.width, frame.height) != (width, height));
    if info.size() != (width, height) || is_part {
        return Err(PictureError::Unreadable);
    }
    let exif = info.exif_metadata.as_deref().and_then(Orientation::from_exif_chunk);
    let profile = profile(info);
    let colors = reader.output_color_type().0;
    if reader.output_line_size(width).is_none_or(|length| length > MAX_ROW) {
        return Err(limits.too_many(limits.pixels));
    }
    let (smaller_width, smaller_height) = needed(width, height);
    let small = (smaller_width.max(1), smaller_height.max(1));
    let is_large = width / 2 >= small.0 && height / 2 >= small.1 && !reader.info().interlaced;
    let (size, pixels) = match is_large {
        true => (small, average(&mut reader, small).map_err(broken)?),
        false => {
            limits.check_memory(reader.output_buffer_size().map_or(u64::MAX, |size| size as u64), width, height)?;
            let mut pixels = vec![0; reader.output_buffer_size().ok_or(PictureError::Unreadable)?];
            reader.next_frame(&mut pixels).map_err(broken)?;
            ((width, height), pixels)
        }
    };
    let (width, height) = size;
    let image = match colors {
        ColorType::Grayscale => GrayImage::from_raw(width, height, pixels).map(DynamicImage::from),
        ColorType::GrayscaleAlpha => GrayAlphaImage::from_raw(width, height, pixels).map(DynamicImage::from),
        ColorType::Rgb => RgbImage::from_raw(width, height, pixels).map(DynamicImage::from),
        ColorType::Rgba => RgbaImage::from_raw(width, height, pixels).map(DynamicImage::from),
        ColorType::Indexed => None,
    };
    let image = image.ok_or(PictureError::Unreadable)?;
    Ok(Decoded { image, orientation: exif.unwrap_or(Orientation::NoTransforms), profile })
}

/// The colours' meaning: by numbers for some well-known ones, or by a whole profile.
fn profile(info: &Info<'_>) -> Option<ColorProfile> {
    match &info.coding_independent_code_points {
        Some(points) => color::profile_of_numbers(points.color_primaries, points.transfer_function),
        None => color::profile(info.icc_profile.as_deref()?),
    }
}

/// The pixels of the whole, averaged to this size.
fn average<R: BufRead + Seek>(reader: &mut Reader<R>, size: (u32, u32)) -> Result<Vec<u8>, DecodingError> {
    let mut average = Average::new(reader.info().size(), size, reader.output_color_type().0.samples());
    while let Some(row) = reader.next_row()? {
        average.take(row.data());
    }
    Ok(average.pixels)
}

/// Rectangles of pixels become one pixel each, their average.
struct Average {
    /// How many pixels come, and how many are made of them.
    whole: (usize, usize),
    size: (usize, usize),
    channels: usize,
    /// Of the rectangles that the rows of now are in, by channel.
    sums: Vec<u32>,
    /// How many rows came, and how many of rectangles are finished.
    rows: usize,
    finished: usize,
    pixels: Vec<u8>,
}

impl Average {
    fn new(whole: (u32, u32), size: (u32, u32), channels: usize) -> Self {
        // Sizes of pictures are numbers of 32 bits, as indices are at least.
        let wide = |(width, height): (u32, u32)| (width as usize, height as usize);
        let (whole, size) = (wide(whole), wide(size));
        let (sums, pixels) = (vec![0; size.0 * channels], Vec::with_capacity(size.0 * size.1 * channels));
        Self { whole, size, channels, sums, rows: 0, finished: 0, pixels }
    }

    fn take(&mut self, row: &[u8]) {
        for (place, sums) in self.sums.chunks_mut(self.channels).enumerate() {
            let columns = share(self.whole.0, self.size.0, place);
            let pixels = columns.start * self.channels..columns.end * self.channels;
            for pixel in row.get(pixels).unwrap_or_default().chunks_exact(self.channels) {
                for (sum, value) in sums.iter_mut().zip(pixel) {
                    *sum += u32::from(*value);
                }
            }
        }
        self.rows += 1;
        if self.rows == share(self.whole.1, self.size.1, self.finished).end {
            self.finish_rectangles();
        }
    }

    fn finish_rectangles(&mut self) {
        let rows = share(self.whole.1, self.size.1, self.finished).len();
        for (place, sums) in self.sums.chunks_mut(self.channels).enumerate() {
            // What is made has hundreds of pixels on one side, so that a rectangle has far fewer than 2^24, and its sum has room.
            let pixels = share(self.whole.0, self.size.0, place).len() * rows;
            let pixels = u32::try_from(pixels).unwrap_or(u32::MAX).max(1);
            for sum in sums {
                self.pixels.push(u8::try_from((*sum + pixels / 2) / pixels).unwrap_or(u8::MAX));
                *sum = 0;
            }
        }
        self.finished += 1;
    }
}

/// Which of `whole` columns or rows become the one at `place`, of `size`.
fn share(whole: usize, size: usize, place: usize) -> Range<usize> {
    (place * whole).div_ceil(size)..((place + 1) * whole).div_ceil(size)
}

#[cfg(test)]
mod tests {
    use std::io::Cursor;

    use image::{GenericImageView, ImageFormat, Luma, Rgba};

    use super::*;

    const LIMITS: Limits = Limits { pixels: 24_000_000 };

    fn encoded(image: impl Into<DynamicImage>) -> Vec<u8> {
        let mut bytes = Cursor::new(Vec::new());
        image.into().write_to(&mut bytes, ImageFormat::Png).unwrap();
        bytes.into_inner()
    }

    #[test]
    fn a_large_one_becomes_as_large_as_is_asked() {
        let halves = |x: u32| if x < 500 { Rgba([200, 30, 20, 255]) } else { Rgba([20, 30, 200, 100]) };
        let bytes = encoded(RgbaImage::from_fn(1001, 700, |x, _| halves(x)));
        for asked in [(500, 350), (480, 330), (300, 200), (7, 350), (500, 1)] {
            let decoded = decode(&mut Cursor::new(&bytes), |_, _| asked, &LIMITS).unwrap().image;
            assert_eq!(decoded.dimensions(), asked);
            assert_eq!(decoded.get_pixel(0, 0), Rgba([200, 30, 20, 255]), "{asked:?}");
            assert_eq!(decoded.get_pixel(asked.0 - 1, asked.1 - 1), Rgba([20, 30, 200, 100]), "{asked:?}");
        }
        for asked in [(501, 300), (300, 351), (1001, 700), (9000, 9000)] {
            let decoded = decode(&mut Cursor::new(&bytes), |_, _| asked, &LIMITS).unwrap().image;
            assert_eq!(decoded.dimensions(), (1001, 700), "{asked:?}");
        }
        for broken in [&bytes[..bytes.len() / 2], b"GIF89a"] {
            let decoded = decode(&mut Cursor::new(broken), |_, _| (300, 200), &LIMITS);
            assert_eq!(decoded.err(), Some(PictureError::Unreadable));
        }
    }

    #[test]
    fn pixels_are_averaged() {
        let stripes = GrayImage::from_fn(8, 8, |x, _| Luma([if x % 2 == 0 { 0 } else { 201 }]));
        let decoded = decode(&mut Cursor::new(encoded(stripes)), |_, _| (4, 4), &LIMITS).unwrap().image;
        assert!(decoded.as_luma8().unwrap().pixels().all(|pixel| pixel.0 == [101]), "{decoded:?}");
        // Sixteen bits become eight.
        let deep = image::ImageBuffer::from_pixel(10, 10, Luma([0x8000_u16]));
        let decoded =
            decode(&mut Cursor::new(encoded(DynamicImage::ImageLuma16(deep))), |_, _| (5, 5), &LIMITS).unwrap().image;
        assert_eq!(decoded.as_luma8().map(|image| image.get_pixel(4, 4).0), Some([0x80]));
    }
}
