//! Large PNGs, made smaller row by row as they are decoded: one of 24 million pixels takes 4 MB so, not 72.

use std::io::{BufRead, Seek};
use std::ops::Range;

use image::{DynamicImage, GrayAlphaImage, GrayImage, RgbImage, RgbaImage};
use png::{ColorType, Decoder, DecodingError, Transformations};

use super::PictureError;

/// A PNG that is at least twice as wide and high as this, made exactly as large as this. None for one that is not so large, or
/// whose rows do not come in order.
///
/// # Errors
/// [`PictureError::Unreadable`]: it is broken, or breaks off.
pub(super) fn decode<R: BufRead + Seek>(
    source: R,
    width: u32,
    height: u32,
) -> Result<Option<DynamicImage>, PictureError> {
    smaller(source, width.max(1), height.max(1)).map_err(|_| PictureError::Unreadable)
}

fn smaller<R: BufRead + Seek>(source: R, width: u32, height: u32) -> Result<Option<DynamicImage>, DecodingError> {
    let mut decoder = Decoder::new(source);
    // Eight bits for each of one to four channels.
    decoder.set_transformations(Transformations::normalize_to_color8());
    decoder.set_ignore_text_chunk(true);
    decoder.set_ignore_iccp_chunk(true);
    let mut reader = decoder.read_info()?;
    let (whole, is_interlaced) = (reader.info().size(), reader.info().interlaced);
    if whole.0 / 2 < width || whole.1 / 2 < height || is_interlaced {
        return Ok(None);
    }
    let colors = reader.output_color_type().0;
    let mut average = Average::new(whole, (width, height), colors.samples());
    while let Some(row) = reader.next_row()? {
        average.take(row.data());
    }
    let pixels = average.pixels;
    Ok(match colors {
        ColorType::Grayscale => GrayImage::from_raw(width, height, pixels).map(DynamicImage::from),
        ColorType::GrayscaleAlpha => GrayAlphaImage::from_raw(width, height, pixels).map(DynamicImage::from),
        ColorType::Rgb => RgbImage::from_raw(width, height, pixels).map(DynamicImage::from),
        ColorType::Rgba => RgbaImage::from_raw(width, height, pixels).map(DynamicImage::from),
        ColorType::Indexed => None,
    })
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
            let decoded = decode(Cursor::new(&bytes), asked.0, asked.1).unwrap().unwrap();
            assert_eq!(decoded.dimensions(), asked);
            assert_eq!(decoded.get_pixel(0, 0), Rgba([200, 30, 20, 255]), "{asked:?}");
            assert_eq!(decoded.get_pixel(asked.0 - 1, asked.1 - 1), Rgba([20, 30, 200, 100]), "{asked:?}");
        }
        for asked in [(501, 300), (300, 351), (1001, 700), (9000, 9000)] {
            assert_eq!(decode(Cursor::new(&bytes), asked.0, asked.1), Ok(None), "{asked:?}");
        }
        assert_eq!(decode(Cursor::new(&bytes[..bytes.len() / 2]), 300, 200), Err(PictureError::Unreadable));
        assert_eq!(decode(Cursor::new(b"GIF89a"), 300, 200), Err(PictureError::Unreadable));
    }

    #[test]
    fn pixels_are_averaged() {
        let stripes = GrayImage::from_fn(8, 8, |x, _| Luma([if x % 2 == 0 { 0 } else { 201 }]));
        let decoded = decode(Cursor::new(encoded(stripes)), 4, 4).unwrap().unwrap();
        assert!(decoded.as_luma8().unwrap().pixels().all(|pixel| pixel.0 == [101]), "{decoded:?}");
        // Sixteen bits become eight.
        let deep = image::ImageBuffer::from_pixel(10, 10, Luma([0x8000_u16]));
        let decoded = decode(Cursor::new(encoded(DynamicImage::ImageLuma16(deep))), 5, 5).unwrap().unwrap();
        assert_eq!(decoded.as_luma8().map(|image| image.get_pixel(4, 4).0), Some([0x80]));
    }
}
