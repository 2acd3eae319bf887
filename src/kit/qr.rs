//! QR codes as pictures. A crate computes which squares are dark; the drawing is ours: one path, whose colours do not
//! follow the page's, for cameras want dark on light.

use qrcodegen::{QrCode, QrCodeEcc};

/// Squares of light around the code, as the standard wants.
const QUIET: i32 = 4;

/// An SVG that shows `text`; none when it is too long for any code. Holds nothing but numbers, so that it may go into a
/// page as it is.
pub fn svg(text: &str) -> Option<String> {
    let code = QrCode::encode_text(text, QrCodeEcc::Medium).ok()?;
    let size = code.size() + 2 * QUIET;
    let mut path = String::new();
    for y in 0..code.size() {
        let mut x = 0;
        while x < code.size() {
            let width = (x..code.size()).take_while(|x| code.get_module(*x, y)).count() as i32;
            if width > 0 {
                path.push_str(&format!("M{} {}h{width}v1h-{width}z", x + QUIET, y + QUIET));
            }
            x += width.max(1);
        }
    }
    Some(format!(
        "<svg class=\"qr\" viewBox=\"0 0 {size} {size}\" shape-rendering=\"crispEdges\" aria-hidden=\"true\" focusable=\"false\">\
         <path class=\"qr-light\" d=\"M0 0h{size}v{size}h-{size}z\"/><path class=\"qr-dark\" d=\"{path}\"/></svg>"
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_code_is_square_with_its_three_corners() {
        let svg = svg("otpauth://totp/x?secret=ABC").unwrap();
        let size: i32 = svg.split("viewBox=\"0 0 ").nth(1).unwrap().split(' ').next().unwrap().parse().unwrap();
        assert_eq!((size - 8 - 21) % 4, 0, "one of the standard's sizes");
        let far = size - 4 - 7;
        for corner in ["M4 4h7v1h-7z".to_owned(), format!("M{far} 4h7v1h-7z"), format!("M4 {far}h7v1h-7z")] {
            assert!(svg.contains(&corner), "{corner} {svg}");
        }
        assert!(svg.is_ascii());
        assert_eq!(super::svg(&"x".repeat(5000)), None);
    }
}
