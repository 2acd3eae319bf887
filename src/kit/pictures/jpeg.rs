//! Photographs, decoded no larger than they are needed: at a half, a quarter or an eighth of their size, which a JPEG allows
//! without a detour over its pixels. One of 24 million pixels takes 5 MB so, not 72, and less than half the time.

use std::io::Read;

use image::{DynamicImage, GrayImage, RgbImage};
use jpeg_decoder::{Decoder, Error, PixelFormat};

use super::PictureError;

/// A JPEG, at least `width` or `height` pixels large if it came so; who keeps its proportions asks for both. None for what this decoder does not know, such as the inks of
/// printers.
///
/// # Errors
/// [`PictureError::Unreadable`]: it is broken, or breaks off.
pub(super) fn decode(source: impl Read, width: u32, height: u32) -> Result<Option<DynamicImage>, PictureError> {
    let mut decoder = Decoder::new(source);
    // More than that it could not make smaller for us.
    let side = |length: u32| u16::try_from(length).unwrap_or(u16::MAX);
    match decoder.scale(side(width), side(height)).and_then(|size| Ok((size, decoder.decode()?))) {
        Ok(((width, height), pixels)) => {
            let (width, height) = (u32::from(width), u32::from(height));
            Ok(match decoder.info().map(|info| info.pixel_format) {
                Some(PixelFormat::RGB24) => RgbImage::from_raw(width, height, pixels).map(DynamicImage::from),
                Some(PixelFormat::L8) => GrayImage::from_raw(width, height, pixels).map(DynamicImage::from),
                _ => None,
            })
        }
        Err(Error::Unsupported(_)) => Ok(None),
        Err(_) => Err(PictureError::Unreadable),
    }
}

#[cfg(test)]
mod tests {
    use image::codecs::jpeg::JpegEncoder;
    use image::{GenericImageView, Luma, Rgb};

    use super::*;

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
            let decoded = decode(bytes.as_slice(), asked.0, asked.1).unwrap().unwrap();
            assert_eq!(decoded.dimensions(), given, "{asked:?}");
            let at = |part: u32| decoded.get_pixel(given.0 * part / 4, given.1 / 2).0;
            assert!(at(1)[0] > 180 && at(1)[2] < 40 && at(3)[0] < 40 && at(3)[2] > 180, "{:?} {:?}", at(1), at(3));
        }
        assert_eq!(decode(&bytes[..bytes.len() / 2], 300, 200), Err(PictureError::Unreadable));
    }

    #[test]
    fn one_without_colours_is_one_too() {
        let bytes = encoded(&GrayImage::from_pixel(900, 700, Luma([90])).into());
        let decoded = decode(bytes.as_slice(), 400, 300).unwrap().unwrap();
        assert_eq!((decoded.dimensions(), decoded.color().has_color()), ((450, 350), false));
    }
}
