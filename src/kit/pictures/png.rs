//! Large PNGs, made smaller row by row as they are decoded: one of 24 million pixels takes 6 MB so, not 72.

use std::io::{BufRead, Seek};

use image::{DynamicImage, GrayAlphaImage, GrayImage, RgbImage, RgbaImage};
use png::{ColorType, Decoder, DecodingError, Transformations};

use super::PictureError;

/// A PNG that is at least twice as large as `width` and `height`, at a half, a third … of its size, but no smaller than that.
/// None for one that is not so large, or whose rows do not come in order.
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
    let mut reader = decoder.read_info()?;
    let (whole, is_interlaced) = (reader.info().size(), reader.info().interlaced);
    let part = u32::min(whole.0 / width, whole.1 / height);
    if part < 2 || is_interlaced {
        return Ok(None);
    }
    let colors = reader.output_color_type().0;
    let mut average = Average::new(whole.0, part, colors.samples());
    while let Some(row) = reader.next_row()? {
        average.take(row.data());
    }
    let (size, pixels) = average.finish();
    Ok(match colors {
        ColorType::Grayscale => GrayImage::from_raw(size.0, size.1, pixels).map(DynamicImage::from),
        ColorType::GrayscaleAlpha => GrayAlphaImage::from_raw(size.0, size.1, pixels).map(DynamicImage::from),
        ColorType::Rgb => RgbImage::from_raw(size.0, size.1, pixels).map(DynamicImage::from),
        ColorType::Rgba => RgbaImage::from_raw(size.0, size.1, pixels).map(DynamicImage::from),
        ColorType::Indexed => None,
    })
}

/// Squares of pixels become one pixel each, their average. What is left over at the right and below, less than one
/// square, does too.
struct Average {
    part: usize,
    channels: usize,
    /// Of the squares that the rows of now are in, by channel.
    sums: Vec<u32>,
    rows: usize,
    width: usize,
    pixels: Vec<u8>,
    height: u32,
}

impl Average {
    fn new(width: u32, part: u32, channels: usize) -> Self {
        // Sizes of pictures are numbers of 32 bits, as indices are at least.
        let (width, part) = (width as usize, part as usize);
        let sums = vec![0; width.div_ceil(part) * channels];
        Self { part, channels, sums, rows: 0, width, pixels: Vec::new(), height: 0 }
    }

    fn take(&mut self, row: &[u8]) {
        let squares = row.chunks(self.part * self.channels).zip(self.sums.chunks_mut(self.channels));
        for (pixels, sums) in squares {
            for pixel in pixels.chunks_exact(self.channels) {
                for (sum, value) in sums.iter_mut().zip(pixel) {
                    *sum += u32::from(*value);
                }
            }
        }
        self.rows += 1;
        if self.rows == self.part {
            self.finish_squares();
        }
    }

    fn finish_squares(&mut self) {
        for (square, sums) in self.sums.chunks_mut(self.channels).enumerate() {
            let columns = usize::min(self.part, self.width - square * self.part);
            // At most the side of a picture squared, which its number of pixels bounds.
            let pixels = u32::try_from(columns * self.rows).unwrap_or(u32::MAX);
            for sum in sums {
                self.pixels.push(u8::try_from((*sum + pixels / 2) / pixels).unwrap_or(u8::MAX));
                *sum = 0;
            }
        }
        self.rows = 0;
        self.height += 1;
    }

    fn finish(mut self) -> ((u32, u32), Vec<u8>) {
        if self.rows > 0 {
            self.finish_squares();
        }
        let width = u32::try_from(self.width.div_ceil(self.part)).unwrap_or(u32::MAX);
        ((width, self.height), self.pixels)
    }
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
    fn a_large_one_becomes_a_whole_part_of_its_size() {
        let halves = |x: u32| if x < 500 { Rgba([200, 30, 20, 255]) } else { Rgba([20, 30, 200, 100]) };
        let bytes = encoded(RgbaImage::from_fn(1001, 700, |x, _| halves(x)));
        for (asked, given) in [((480, 330), (501, 350)), ((300, 200), (334, 234))] {
            let decoded = decode(Cursor::new(&bytes), asked.0, asked.1).unwrap().unwrap();
            assert_eq!(decoded.dimensions(), given, "{asked:?}");
            assert_eq!(decoded.get_pixel(0, 0), Rgba([200, 30, 20, 255]), "{asked:?}");
            assert_eq!(decoded.get_pixel(given.0 - 1, given.1 - 1), Rgba([20, 30, 200, 100]), "{asked:?}");
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
